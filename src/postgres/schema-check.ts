/**
 * What must be true of the database before a single record is taken: a durable, supported server, the indexes that
 * make double assignment, and repeats of anything else, impossible, and the rights to do the work. Returns problems in plain words; empty when all is
 * well.
 */
import type { Database, Statement } from './database.ts';

const CHECK_SERVER: Statement = {
  name: 'check-server',
  text: `
select current_setting('server_version_num')::int as version,
       current_setting('server_encoding') as encoding,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       pg_is_in_recovery() as in_recovery`,
};

/** The indexes that make an identity unique, by what they cover: whoever names them otherwise is guarded as well. */
const GUARDS = [
  {
    name: 'slots_one_per_text',
    table: 'slots',
    definition: '(batch_id, text_storage_id) WHERE (text_storage_id IS NOT NULL)',
  },
  { name: 'failures_one_per_upload', table: 'failures', definition: '(batch_id, file_upload_id)' },
  { name: 'excess_one_per_text', table: 'excess_contents', definition: '(batch_id, text_storage_id)' },
  { name: 'pending_one_per_identity', table: 'pending_inputs', definition: '(batch_id, kind, identity)' },
] as const;

const CHECK_GUARDS: Statement = {
  name: 'check-guards',
  text: `
select g.name
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as g(name, table_name, definition, ord)
where not exists (
  select 1
  from pg_index i
  where i.indrelid = to_regclass(g.table_name)
    and i.indisunique and i.indisvalid and i.indisready
    and pg_get_indexdef(i.indexrelid) like '%USING btree ' || g.definition
)
order by g.ord`,
};

/** What a worker does with each table: a missing right would only be met by a record. */
const RIGHTS = [
  ['batches', 'select, insert, update'],
  ['slots', 'select, insert, update'],
  ['pending_inputs', 'select, insert, delete'],
  ['excess_contents', 'select, insert'],
  ['failures', 'select, insert'],
  ['outbox', 'select, insert, update, delete'],
  ['partition_progress', 'select, insert, update, delete'],
] as const;
const SEQUENCES = ['outbox.id', 'pending_inputs.arrival'] as const;

const CHECK_RIGHTS: Statement = {
  name: 'check-rights',
  text: `
select r.name, string_agg(r.privilege, ', ' order by r.privilege) as missing
from (
  select t.name, trim(p) as privilege
  from unnest($1::text[], $2::text[]) as t(name, privileges), unnest(string_to_array(t.privileges, ',')) as p
  where to_regclass(t.name) is not null and not has_table_privilege(to_regclass(t.name), trim(p))
  union all
  select s.name, 'usage of its sequence'
  from unnest($3::text[]) as s(name),
    pg_get_serial_sequence(split_part(s.name, '.', 1), split_part(s.name, '.', 2)) as sequence
  where to_regclass(split_part(s.name, '.', 1)) is not null
    and sequence is not null and not has_sequence_privilege(sequence, 'usage')
) r
group by r.name
order by r.name`,
};

export async function checkSchema(database: Database): Promise<string[]> {
  return [...(await checkServer(database)), ...(await checkGuards(database)), ...(await checkRights(database))];
}

/** Of the server and its settings. */
export async function checkServer(database: Database): Promise<string[]> {
  const problems: string[] = [];
  const [server] = await database.run<{
    version: number;
    encoding: string;
    synchronous_commit: string;
    fsync: string;
    full_page_writes: string;
    in_recovery: boolean;
  }>(CHECK_SERVER, []);
  if (server === undefined) return ['the database does not answer'];
  if (server.version < 150_000) problems.push(`PostgreSQL 15 or newer is needed, this is ${server.version}`);
  if (server.encoding !== 'UTF8') problems.push(`the database must be encoded in UTF8, it is ${server.encoding}`);
  if (server.synchronous_commit === 'off') {
    problems.push('synchronous_commit is off: an acknowledged assignment could be lost in a crash');
  }
  if (server.fsync === 'off') problems.push('fsync is off: a crash of the host could lose assignments');
  if (server.full_page_writes === 'off') problems.push('full_page_writes is off: a crash of the host could tear pages');
  if (server.in_recovery) problems.push('the server is a read-only standby');
  return problems;
}

/** Of the indexes without which an essay could be in two slots. */
export async function checkGuards(database: Database): Promise<string[]> {
  const missing = await database.run<{ name: string }>(CHECK_GUARDS, [
    GUARDS.map(({ name }) => name),
    GUARDS.map(({ table }) => table),
    GUARDS.map(({ definition }) => definition),
  ]);
  return missing.map(({ name }) => {
    return `the unique index ${name} is missing or invalid: restore it before assigning anything`;
  });
}

/** Of this user on the tables and sequences that a worker uses. */
export async function checkRights(database: Database): Promise<string[]> {
  const rights = await database.run<{ name: string; missing: string }>(CHECK_RIGHTS, [
    RIGHTS.map(([table]) => table),
    RIGHTS.map(([, privileges]) => privileges),
    SEQUENCES,
  ]);
  return rights.map(({ name, missing: privileges }) => {
    return `the database user has no right to ${privileges} on ${name}: grant it`;
  });
}
