/** What a session is does not depend on role, database, address or what is between; where it must, it is refused. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { freePorts } from '../../distributed/stack/process/free-port.ts';
import { programOnPath } from '../../distributed/stack/programs/find-program.ts';
import { migrationStatus } from '../../src/postgres/migrate.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { OwnServers } from '../support/servers/own-servers.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

const ROLE = 'els_bent';
/** What a role or database may say, and what it would do to us. */
const BENT = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  jit: 'on',
  enable_seqscan: 'on',
  plan_cache_mode: 'force_custom_plan',
  search_path: 'elsewhere',
  datestyle: 'German, DMY',
  intervalstyle: 'iso_8601',
  timezone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  row_security: 'off',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
};
const READ = {
  name: 'read-all-kinds',
  text: `select to_regclass('batches') is not null as found, '\\x00ff'::bytea as bytes, 0.1::float8 + 0.2 as sum,
                '2026-02-03 04:05:06+00'::timestamptz as moment, '1 day 2 hours'::interval::text as span,
                'a\\b' as text, null::int = null as equal, '{null}'::text[] as list,
                current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
                current_setting('idle_in_transaction_session_timeout') as idle, current_setting('jit') as jit,
                current_setting('transaction_isolation') as isolation`,
};

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let bentUrl: string;
let admin: pg.Client;

beforeAll(async () => {
  target = await createTestDatabase();
  admin = new pg.Client({ connectionString: target.databaseUrl });
  await admin.connect();
  await admin.query(`drop role if exists ${ROLE}`);
  await admin.query(`create role ${ROLE} login superuser password 'bent'`);
  const url = new URL(target.databaseUrl);
  url.username = ROLE;
  url.password = 'bent';
  bentUrl = url.href;
});

afterAll(async () => {
  await admin.end();
  await target.drop();
});

const read = async (url: string) => {
  const database = openDatabase(url);
  try {
    return await database.run(READ, []);
  } finally {
    await database.close();
  }
};

async function bend(settings: Readonly<Record<string, string>>, of = `role ${ROLE}`): Promise<void> {
  await admin.query(`alter ${of} reset all`);
  for (const [name, value] of Object.entries(settings)) await admin.query(`alter ${of} set ${name} = ${value}`);
}

test.each(['role', 'database'])('settings of the %s change nothing of what is read, and no limit', async (kind) => {
  const plain = await read(target.databaseUrl);
  const name = kind === 'role' ? `role ${ROLE}` : `database ${new URL(target.databaseUrl).pathname.slice(1)}`;
  await bend(Object.fromEntries(Object.entries(BENT).map(([key, value]) => [key, `'${value}'`])), name);
  // As one list, not as one name with a comma in it.
  await admin.query(`alter ${name} set datestyle = German, DMY`);
  expect(await read(bentUrl)).toEqual(plain);
  expect(plain).toEqual([
    expect.objectContaining({ found: true, statement: '8s', lock: '5s', idle: '12s', jit: 'off' }),
  ]);
  await bend({}, name);
});

test.each([
  ['default_transaction_read_only', 'on', 'default_transaction_read_only is on by a setting of the user'],
  ['session_replication_role', 'replica', 'session_replication_role is replica'],
])('%s = %s of the role is refused with one line', async (name, value, line) => {
  await bend({ [name]: value });
  const refusal = { code: 'START_CHECK_FAILED', message: expect.stringContaining(line) };
  await expect(read(bentUrl)).rejects.toMatchObject(refusal);
  await expect(migrationStatus(bentUrl)).rejects.toMatchObject(refusal);
  await bend({});
});

test('settings of the process around it do not get in', async () => {
  process.env['PGOPTIONS'] = '-c statement_timeout=0 -c jit=on';
  try {
    expect(await read(target.databaseUrl)).toEqual([expect.objectContaining({ statement: '8s', jit: 'off' })]);
  } finally {
    delete process.env['PGOPTIONS'];
  }
});

describe('PgBouncer', () => {
  const command = process.env['ELS_PGBOUNCER'] ?? programOnPath('pgbouncer', '/usr/sbin/pgbouncer');
  const present = command !== undefined && spawnSync(command, ['--version']).status === 0;
  const testIfPresent = present ? test : test.skip;
  let servers: OwnServers;
  beforeAll(async () => {
    servers = await OwnServers.open();
  });
  afterAll(() => servers.close());

  testIfPresent.each([
    ['transaction', 'as it comes', ''],
    ['transaction', 'that drops parameters', 'ignore_startup_parameters = extra_float_digits,options'],
    ['session', 'that drops parameters', 'ignore_startup_parameters = extra_float_digits,options'],
  ])('in %s mode %s is refused with one line that names it', async (mode, _how, setting) => {
    const { hostname, port: serverPort, pathname } = new URL(target.databaseUrl);
    const [port = 0] = await freePorts(1);
    const lines = [
      '[databases]',
      `* = host=${hostname} port=${serverPort}`,
      '[pgbouncer]',
      `listen_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any`,
      `pool_mode = ${mode}`,
      setting,
    ];
    lines[1] = `* = host=${hostname} port=${serverPort} user=postgres`;
    const file = await servers.file(`pgbouncer-${port}.ini`, `${lines.join('\n')}\n`, 0o644);
    await servers.start({
      name: `pgbouncer-${port}`,
      port,
      command: command ?? '',
      args: [file],
      env: process.env,
      folder: dirname(join(file)),
      readyPattern: /process up/,
      user: { uid: 65_534, gid: 65_534 },
    });
    const url = `postgres://postgres@127.0.0.1:${port}${pathname}`;
    const refusal = { code: 'START_CHECK_FAILED', message: expect.stringMatching(/^[^\n]*PgBouncer[^\n]*$/) };
    await expect(read(url)).rejects.toMatchObject(refusal);
    await expect(migrationStatus(url)).rejects.toMatchObject(refusal);
  });
});
