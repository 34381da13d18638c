/** A worker lives and works on every runtime that README names, and says nothing but its own lines. */
import { ChildCommand } from '../support/child-program.ts';
import { nodeProgram } from '../support/servers/node-runtimes.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const DEADLINE_MS = 30_000;

jest.setTimeout(120_000);

let fixture: WorkerFixture;
beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
});
afterAll(() => fixture?.close());

describe.each([20, 22, 24])('Node.js %d', (major) => {
  const program = nodeProgram(major);
  const testThere = program === undefined ? test.skip : test;

  testThere('runs a worker from start to stop without a warning (needs this version)', async () => {
    const worker = new ChildCommand(program ?? '', ['bin/run.mjs', 'src/bin/worker.ts'], {
      ...fixture.env(),
      INSTANCE_ID: `node-${major}`,
      HTTP_PORT: '0',
    });
    try {
      await worker.printed('"running"');
      const batch = `on-${major}`;
      await fixture.send([fixture.inputs.registration(batch, 1), fixture.inputs.content(batch, 'a')]);
      await fixture.settled();
      const isComplete = async () =>
        (await fixture.count(`batches where id = '${batch}' and state = 'complete'`)) === 1;
      await waitFor(isComplete, { deadlineMs: DEADLINE_MS, what: 'the batch' });
      worker.kill('SIGTERM');
      expect(await worker.exited()).toBe(0);
    } finally {
      worker.kill('SIGKILL');
    }
    expect(worker.stderr).toBe('');
    const lines = worker.stdout.trim().split('\n');
    expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
    expect(worker.messages()).not.toContain('warning of the runtime');
  });
});

test('a warning of the runtime is a line of the log', async () => {
  const warning = `data:text/javascript,setInterval(() => process.emitWarning('from the test'), 100).unref()`;
  const worker = fixture.launch('warned', { env: { NODE_OPTIONS: `--import "${warning}"` } });
  const count = () => worker.messages().filter((message) => message === 'warning of the runtime').length;
  await waitFor(() => count() > 5, { deadlineMs: DEADLINE_MS, what: 'the first lines' });
  // What came while the program was loaded is Node's own, and may arrive later than the lines behind it.
  const said = worker.stderr;
  await waitFor(() => count() > 10, { deadlineMs: DEADLINE_MS, what: 'more lines' });
  expect(worker.stderr).toBe(said);
  expect(worker.logged('warning of the runtime')).toMatchObject({ level: 'warn', err: { message: 'from the test' } });
  expect((await worker.stop()).code).toBe(0);
});
