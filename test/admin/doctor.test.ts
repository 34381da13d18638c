import type { Finding, Probe } from '../../src/admin/deps.ts';
import { AppError } from '../../src/errors.ts';
import { AdminInMemory } from '../support/admin.ts';

const OK: Finding = { about: 'tables', state: 'ok', text: '7 migrations', mend: null };

function probe(about: string, look: Probe['look'], alsoAbout: string[] = []): Probe {
  return { about, mend: `mend ${about}`, alsoAbout, look };
}

let admin: AdminInMemory;
beforeEach(() => {
  admin = new AdminInMemory();
});

test('all is well: a line each and 0', async () => {
  admin.probes = [probe('database', async (tell) => tell(OK))];
  const { code, stdout } = await admin.run('doctor');
  expect([code, stdout]).toEqual([
    0,
    'ok    tables           7 migrations\n1 well, 0 unwise, 0 in the way, 0 not seen\n',
  ]);
});

test('what is unwise is told, and is no failure', async () => {
  admin.probes = [probe('redis', async (tell) => tell({ ...OK, state: 'warning', mend: 'start it' }))];
  expect(await admin.run('doctor')).toMatchObject({ code: 0, stdout: expect.stringContaining('> start it') });
});

test('what mends several things in a row is said once', async () => {
  const missing = (text: string): Finding => ({ about: 'topics', state: 'failed', text, mend: 'els topics ensure' });
  const look: Probe['look'] = async (tell) => ['one', 'two', 'three'].map(missing).forEach(tell);
  admin.probes = [probe('kafka', look), probe('redis', async (tell) => tell({ ...missing('no'), mend: 'start it' }))];
  const { stdout } = await admin.run('doctor');
  expect(stdout.match(/> .*|one|two|three|no$/gm)).toEqual([
    'one',
    'two',
    'three',
    '> els topics ensure',
    'no',
    '> start it',
  ]);
});

test('a server that is away takes nothing from what others tell, and names what could not be seen', async () => {
  const refuse = () => Promise.reject(new AppError('UNAVAILABLE', 'connect ECONNREFUSED'));
  admin.probes = [probe('database', refuse, ['rights']), probe('kafka', async (tell) => tell(OK))];
  const { code, stdout, stderr } = await admin.run('doctor', '--json');
  expect([code, stderr]).toEqual([1, '1 of 3 stand in the way of a worker\n']);
  expect(JSON.parse(stdout)).toEqual({
    healthy: false,
    findings: [
      { about: 'database', state: 'failed', text: 'connect ECONNREFUSED', mend: 'mend database' },
      { about: 'rights', state: 'skipped', text: 'cannot be seen: database first', mend: null },
      OK,
    ],
  });
});

test('a server that hangs is given up after ten seconds', async () => {
  jest.useFakeTimers();
  try {
    admin.probes = [probe('kafka', () => new Promise(() => undefined)), probe('redis', async (tell) => tell(OK))];
    const running = admin.run('doctor');
    await jest.advanceTimersByTimeAsync(10_000);
    const { code, stdout } = await running;
    expect(code).toBe(1);
    expect(stdout).toContain('FAIL  kafka            does not answer within 10 s\n');
    expect(stdout).toContain('ok    tables');
  } finally {
    jest.useRealTimers();
  }
});

test('wrong settings are told once', async () => {
  const wrong = () => Promise.reject(new AppError('CONFIG_INVALID', 'DATABASE_URL is missing'));
  admin.probes = [probe('database', wrong)];
  const { code, stdout } = await admin.run('doctor');
  expect([code, stdout.includes('DATABASE_URL'), stdout.includes('its settings are wrong')]).toEqual([0, false, true]);
});
