import { ChildProgram } from '../support/child-program.ts';

jest.setTimeout(60_000);

test('a worker without settings names every mistake and exits 78 before opening anything', async () => {
  const worker = new ChildProgram('src/bin/worker.ts', [], { REDIS_URL: 'http://canary', KAFKA_BROKER: 'x' });
  expect(await worker.exited()).toBe(78);
  expect(worker.stdout).toBe('');
  expect(worker.stderr.trim().split('\n')).toEqual([
    'warning: KAFKA_BROKER is not a setting; KAFKA_BROKERS is',
    expect.stringMatching(/^DATABASE_URL is missing/),
    expect.stringMatching(/^KAFKA_BROKERS is missing/),
    expect.stringMatching(/^REDIS_URL must be a URL/),
  ]);
});

test('the admin program turns a result into output and an exit code', async () => {
  const good = new ChildProgram('src/bin/admin.ts', ['config', 'help']);
  const bad = new ChildProgram('src/bin/admin.ts', ['nonsense']);
  expect([await good.exited(), good.stderr]).toEqual([0, '']);
  expect(good.stdout).toContain('KAFKA_BROKERS');
  expect([await bad.exited(), bad.stdout]).toEqual([2, '']);
});
