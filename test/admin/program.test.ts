import { AppError } from '../../src/errors.ts';
import { AdminInMemory } from '../support/admin.ts';

const LEAVES = [
  ['doctor'],
  ['migrate', 'up'],
  ['migrate', 'status'],
  ['topics', 'ensure'],
  ['topics', 'check'],
  ['batch', 'show'],
  ['dlq', 'list'],
  ['dlq', 'show'],
  ['dlq', 'replay'],
  ['outbox', 'stats'],
  ['outbox', 'list'],
  ['outbox', 'retry'],
  ['config', 'print'],
  ['config', 'check'],
  ['config', 'help'],
];

describe('help', () => {
  test.each(LEAVES)('%s %s explains itself and --json, and opens nothing', async (...names) => {
    const admin = new AdminInMemory();
    const { code, stdout } = await admin.run(...names, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: els ${names.join(' ')}`);
    expect(stdout).toContain('--json');
    expect(admin.opened).toEqual([]);
  });

  test('of the program lists every group and the exit codes', async () => {
    const { code, stdout } = await new AdminInMemory().run('--help');
    expect(code).toBe(0);
    for (const [group] of LEAVES) {
      expect(stdout).toContain(`  ${group} `);
    }
    expect(stdout).toContain('Exit codes: 0 ok, 1 failed, 2 wrong usage');
  });

  test('the version is printed', async () => {
    expect(await new AdminInMemory().run('--version')).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });
});

describe('exit codes', () => {
  test.each([
    [[]],
    [['migrate']],
    [['nonsense']],
    [['migrate', 'up', 'surplus']],
    [['migrate', 'up', '--nonsense']],
    [['batch', 'show']],
    [['topics', 'ensure', '--partitions', '0']],
    [['topics', 'ensure', '--partitions', 'many']],
    [['dlq', 'show', '--topic', 'content']],
    [['dlq', 'list', '--topic', 'content', '--offset', '17']],
    [['dlq', 'list', '--offset', '0:17']],
    [['dlq', 'replay']],
    [['outbox', 'retry', 'not-an-id']],
    [['config', 'help', '--env', '--markdown']],
  ])('%j is wrong usage: 2, said on standard error, nothing opened', async (args) => {
    const admin = new AdminInMemory();
    const { code, stdout, stderr } = await admin.run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
    expect(admin.opened).toEqual([]);
  });

  test.each([
    [new AppError('UNAVAILABLE', 'database does not answer'), 3],
    [new AppError('CONFIG_INVALID', 'DATABASE_URL is missing'), 78],
    [new AppError('START_CHECK_FAILED', 'topic missing'), 78],
    [new AppError('STORE_FAILED', 'permission denied'), 1],
    [new Error('a bug'), 1],
  ])('%s ends with %d and its text', async (failure, expected) => {
    const admin = new AdminInMemory();
    admin.openFailure = failure;
    const { code, stdout, stderr } = await admin.run('outbox', 'stats');
    expect([code, stdout, stderr]).toEqual([expected, '', `${failure.message}\n`]);
  });

  test('what was opened is closed, also when the command fails', async () => {
    const admin = new AdminInMemory();
    admin.status.failure = new AppError('UNAVAILABLE', 'gone');
    expect((await admin.run('batch', 'show', 'b1')).code).toBe(3);
    expect(admin.opened).toEqual(['status opened', 'status closed']);
  });
});
