/**
 * Dumps the product's tables and the harness's audit into a run directory, in key order and as one snapshot, through
 * cursors: memory does not grow with the tables. SQL of the judge's own; nothing is asked of the service.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { JsonLinesWriter } from '../run/json-lines.ts';
import { TABLE_FILES, type TableFile } from '../run/run-directory.ts';

const ROWS_PER_FETCH = 2_000;

const ORDER: Readonly<Record<Exclude<TableFile, 'audit'>, string>> = {
  batches: 'id',
  slots: 'batch_id, position, essay_id',
  pending_inputs: 'batch_id, kind, identity',
  excess_contents: 'batch_id, text_storage_id',
  failures: 'batch_id, file_upload_id',
  outbox: 'id',
};

/** Writes `<folder>/tables/*.jsonl`; answers the lines by file, and whether the audit was there. */
export async function collectTables(
  databaseUrl: string,
  folder: string,
): Promise<{ lines: Record<string, number>; audited: boolean }> {
  await mkdir(join(folder, 'tables'), { recursive: true });
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-collect' });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    const audited = await isAudited(client);
    const lines: Record<string, number> = {};
    for (const table of TABLE_FILES) {
      if (table === 'audit' && !audited) continue;
      const query = table === 'audit' ? await auditQuery(client) : rowsQuery(table);
      lines[`tables/${table}.jsonl`] = await dump(client, query, join(folder, 'tables', `${table}.jsonl`));
    }
    return { lines, audited };
  } finally {
    await client.end();
  }
}

/** Rows as JSON objects, streamed by a cursor of the open transaction. */
export async function dump(client: Client, query: string, path: string): Promise<number> {
  if (existsSync(path)) throw new Error(`${path} exists already`);
  const writer = new JsonLinesWriter<unknown>(path);
  let count = 0;
  await client.query(`declare rows no scroll cursor for ${query}`);
  try {
    for (;;) {
      const { rows } = await client.query<{ row: unknown }>(`fetch ${ROWS_PER_FETCH} from rows`);
      await writer.appendAll(rows.map(({ row }) => row));
      count += rows.length;
      if (rows.length < ROWS_PER_FETCH) return count;
    }
  } finally {
    writer.close();
    await client.query('close rows');
  }
}

function rowsQuery(table: Exclude<TableFile, 'audit'>): string {
  return `select to_jsonb(t) as row from public.${table} t order by ${ORDER[table]}`;
}

/** When a transaction was committed is known where the server keeps it. */
async function auditQuery(client: Client): Promise<string> {
  const { rows } = await client.query<{ on: boolean }>("select current_setting('track_commit_timestamp') = 'on' as on");
  const inMs = (instant: string) => `(extract(epoch from ${instant}) * 1000)::float8`;
  const committedAt = rows[0]?.on === true ? inMs('pg_xact_commit_timestamp(txid::text::xid8::xid)') : 'null::float8';
  return `
    select jsonb_build_object('seq', seq, 'txid', txid, 'at_ms', ${inMs('at')}, 'statement_at_ms', ${inMs('statement_at')},
      'committed_at_ms', ${committedAt}, 'table_name', table_name, 'operation', operation, 'batch_id', batch_id,
      'row_id', row_id, 'old', old, 'new', new, 'pid', pid, 'application_name', application_name) as row
    from harness.audit order by seq`;
}

async function isAudited(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>("select to_regclass('harness.audit') is not null as found");
  return rows[0]?.found === true;
}
