/** What a real broker tells of its metadata quorum. */
import { readQuorum } from '../../../distributed/cluster/metadata-quorum.ts';
import { freePorts } from '../../../distributed/stack/process/free-port.ts';
import { kafkaBrokers } from '../../support/servers/servers.ts';

test('a single node leads itself, and its log goes as far as its majority', async () => {
  const port = Number(kafkaBrokers()[0]?.split(':').at(-1));
  const quorum = await readQuorum(port);
  expect(quorum).toEqual({
    leader: 1,
    epoch: expect.any(Number),
    highWatermark: expect.any(Number),
    logEnds: new Map([[1, expect.any(Number)]]),
  });
  expect(quorum.epoch).toBeGreaterThan(0);
  expect(quorum.logEnds.get(1)).toBeGreaterThanOrEqual(quorum.highWatermark);
  // The log goes on by itself, twice a second.
  expect((await readQuorum(port)).highWatermark).toBeGreaterThanOrEqual(quorum.highWatermark);
});

test('nobody there is told as an error', async () => {
  const [port = 0] = await freePorts(1);
  await expect(readQuorum(port)).rejects.toThrow('ECONNREFUSED');
});
