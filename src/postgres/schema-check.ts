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

const CHECK_ONE_PER_TEXT: Statement = {
  name: 'check-one-per-text',
  text: `
select i.indisunique and i.indisvalid and i.indisready as guarding
from pg_index i
where i.indrelid = to_regclass('slots')
  and pg_get_indexdef(i.indexrelid) like '%(batch_id, text_storage_id) WHERE (text_storage_id IS NOT NULL)'`,
};

/**
 * What must be true of the database before a single record is taken: a durable, supported server and the index that
 * makes double assignment impossible. Returns problems in plain words; empty when all is well.
 */
export async function checkSchema(database: Database): Promise<string[]> {
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
  const indexes = await database.run<{ guarding: boolean }>(CHECK_ONE_PER_TEXT, []);
  if (!indexes.some(({ guarding }) => guarding)) {
    problems.push('the unique index slots_one_per_text is missing or invalid: restore it before assigning anything');
  }
  return problems;
}
