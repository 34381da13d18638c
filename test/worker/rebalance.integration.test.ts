import type { WireMessage } from '../../src/contract/message.ts';
import { waitFor } from '../support/wait-for.ts';
/**
 * Workers that come and go while there is work. Every group that was handled is a line in a worker's log, so what was
 * delivered twice is counted record by record.
 */
import { WorkerFixture } from '../support/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker-program.ts';

jest.setTimeout(90_000);

describe('x', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 6 });
  });
  afterAll(() => fixture?.close());
  const launch = (instance: string) =>
    fixture.launchReady(instance, {
      program: 'test/support/worker-with-faults.ts',
      env: { ELS_TEST_HANDLE_DELAY_MS: '40', GROUP_SIZE_MAX: '20', SHUTDOWN_GRACE_MS: '10000' },
    });
  const handled = (worker: WorkerProgram) =>
    worker
      .logLines()
      .filter(({ msg }) => msg === 'handled')
      .flatMap(({ resolved }) => resolved as string[]);

  test('measure', async () => {
    const load: WireMessage[] = [];
    for (let b = 0; b < 60; b += 1)
      load.push(fixture.inputs.registration(`b${b}`, 50), ...fixture.inputs.contents(`b${b}`, 50));
    await fixture.send(load);
    const w1 = await launch('w1');
    await waitFor(() => handled(w1).length > 300, { deadlineMs: 20000, what: 'a' });
    const w2 = await launch('w2');
    await waitFor(() => handled(w2).length > 300, { deadlineMs: 20000, what: 'b' });
    const before = handled(w2).length;
    console.log(await w1.stop(), before, handled(w1).length, handled(w2).length);
    await fixture.settled();
    const [h1, h2] = [handled(w1), handled(w2)];
    const s1 = new Set(h1),
      s2 = new Set(h2);
    console.log(
      load.length,
      h1.length,
      s1.size,
      h2.length,
      s2.size,
      'both',
      [...s1].filter((x) => s2.has(x)).length,
      'union',
      new Set([...h1, ...h2]).size,
    );
    console.log(
      await w2.stop(),
      w2.stdout
        .split('\n')
        .filter((l) => !l.includes('"handled"'))
        .join('\n'),
      w1.stdout
        .split('\n')
        .filter((l) => !l.includes('"handled"'))
        .join('\n'),
    );
  });
});
