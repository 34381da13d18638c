import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

test('the probe exits 0 for a good answer, 1 for a bad one and for none, and says which', async () => {
  const server = createServer((request, response) => response.writeHead(request.url === '/ready' ? 200 : 503).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const probe = async (path: string) => {
    const program = new ChildProgram('src/bin/probe.ts', [`${address}${path}`]);
    return [await program.exited(), program.stdout];
  };
  expect(await probe('/ready')).toEqual([0, `${address}/ready answers 200\n`]);
  expect(await probe('/live')).toEqual([1, `${address}/live answers 503\n`]);
  await new Promise((resolve) => server.close(resolve));
  expect(await probe('/ready')).toEqual([1, expect.stringContaining('does not answer')]);
});
