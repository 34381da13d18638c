/**
 * What a session must be like, whatever role, database, server and address say: asked for when it starts, and read back
 * before it is used. So limits hold, what is read means the same everywhere, and whoever takes settings or sessions away
 * on the road, as a pooler does, is found out by name.
 */
import type pg from 'pg';
import { AppError } from '../errors.ts';

/** In the units of pg_settings: milliseconds. */
export type SessionSettings = Readonly<Record<string, string>>;

/** What the texts of values, and the meaning of names and literals, depend on. */
const READING: SessionSettings = {
  search_path: '"$user", public',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  array_nulls: 'on',
  row_security: 'on',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
};

const LOOK = {
  text: `
select pg_backend_pid() as pid,
       pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only') = 'on' as read_only,
       (select source from pg_settings where name = 'default_transaction_read_only') as read_only_source,
       (select json_object_agg(lower(name), setting) from pg_settings where lower(name) = any($1)) as settings`,
};

interface Seen {
  readonly pid: number;
  readonly in_recovery: boolean;
  readonly read_only: boolean;
  readonly read_only_source: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** The start-up parameter that asks for them. */
export function startupOptions(settings: SessionSettings): string {
  const escaped = (value: string) => value.replace(/[\\ ]/g, '\\$&');
  return Object.entries({ ...READING, ...settings })
    .filter(([name]) => name !== 'client_encoding')
    .map(([name, value]) => `-c ${name}=${escaped(value)}`)
    .join(' ');
}

/** Rejects unless the session is what was asked for, directly at a server that takes writes. */
export async function checkSession(client: pg.ClientBase, settings: SessionSettings): Promise<void> {
  const wanted = { ...READING, ...settings };
  const names = [...Object.keys(wanted), 'session_replication_role'].map((name) => name.toLowerCase());
  const { rows } = await client.query<Seen>({ ...LOOK, values: [names] });
  const [seen] = rows;
  if (seen === undefined) throw new AppError('UNAVAILABLE', 'the server does not say what the session is like');
  if (seen.in_recovery) throw new AppError('UNAVAILABLE', 'the server is a read-only standby');
  const mustWrite = settings['default_transaction_read_only'] !== 'on';
  if (mustWrite && seen.read_only && /database|user/.test(seen.read_only_source)) {
    throw refused(`default_transaction_read_only is on by a setting of the ${seen.read_only_source}`);
  }
  if (mustWrite && seen.read_only)
    throw new AppError('UNAVAILABLE', 'the server takes no writes: default_transaction_read_only is on');
  const actual = (name: string) => seen.settings[name.toLowerCase()];
  const differing = Object.entries(wanted).filter(([name, value]) => actual(name) !== value);
  const isPooled = (client as unknown as { processID: number | null }).processID !== seen.pid;
  const lost = differing.map(([name, value]) => `${name} is ${actual(name) ?? 'unknown'}, not ${value}`).join(', ');
  if (isPooled) {
    const because = lost === '' ? 'prepared statements and statement_timeout are of a session' : lost;
    throw refused(`a connection pooler (PgBouncer?) is between: ${because}; connect to PostgreSQL itself`);
  }
  if (lost !== '') throw refused(`the session is not as asked for: ${lost}`);
  // Not for a session to choose, so only looked at.
  if (actual('session_replication_role') === 'replica') {
    throw refused('session_replication_role is replica: references between rows are not checked');
  }
}

function refused(problem: string): AppError {
  return new AppError('START_CHECK_FAILED', `PostgreSQL: ${problem}`);
}
