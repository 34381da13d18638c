import { ClientLog } from '../../../distributed/run/client-log.ts';
import type { ClientNote } from '../../../distributed/run/client-record.ts';
import { RunDirectory } from '../../../distributed/run/run-directory.ts';
import { removeSampleFolders, sampleEnvironment, sampleFolder } from '../../support/recorded/sample-run.ts';
import { waitFor } from '../../support/wait-for.ts';

afterAll(removeSampleFolders);

const told = (text: string): ClientNote => ({ what: 'told', text });

test('what is noted has the time at which it was, in order, and is on the disk soon or at the end', async () => {
  const directory = await RunDirectory.create(sampleFolder(), sampleEnvironment({ seed: 1 }));
  let wallMs = 0;
  const log = new ClientLog(directory.clientWriter(), () => ({ monoMs: ++wallMs, wallMs }));
  const onDisk = async () => {
    const texts: string[] = [];
    for await (const record of directory.readClients()) {
      if (record.what === 'told') texts.push(`${record.wallMs} ${record.client} ${record.batchId} ${record.text}`);
    }
    return texts;
  };
  log.note('one', 'b', told('x'));
  log.note('other', 'b', told('y'));
  await waitFor(async () => (await onDisk()).length === 2, { deadlineMs: 10_000, what: 'both lines' });
  log.note('one', 'b', told('z'));
  log.close();
  log.close();
  expect(await onDisk()).toEqual(['1 one b x', '2 other b y', '3 one b z']);
});
