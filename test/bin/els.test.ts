import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ChildCommand } from '../support/child-program.ts';

jest.setTimeout(60_000);

const ELS = resolve(__dirname, '../../bin/els.mjs');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'els-env-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function els(args: string[], env: Record<string, string> = {}) {
  const command = new ChildCommand(process.execPath, [ELS, ...args], env, folder);
  return { code: await command.exited(), stdout: command.stdout, stderr: command.stderr };
}

test('runs the sources as they are, from any folder', async () => {
  expect(await els(['--version'])).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  expect((await els(['nonsense'])).code).toBe(2);
});

test('reads .env of the folder, and what the environment says is stronger', async () => {
  writeFileSync(join(folder, '.env'), 'HTTP_PORT=4711\nCONSUMER_GROUP=of-the-file\n');
  const { stdout } = await els(['config', 'print'], { CONSUMER_GROUP: 'of-the-environment' });
  expect(stdout).toMatch(/^HTTP_PORT +4711 +environment$/m);
  expect(stdout).toMatch(/^CONSUMER_GROUP +of-the-environment +environment$/m);
});
