/**
 * The harness's own audit, in its own schema: every change of slots, batches, pending inputs, excess and failures and
 * every outbox row, as it was committed. Triggers run once per statement on its transition tables, so a group of 500
 * inputs costs a handful of inserts. Rows of a transaction that rolls back are gone with it. `seq` is drawn while the
 * change is made: within a batch, whose changes are serial, it is their order.
 */
import { Client } from 'pg';

const slot = (row: string) =>
  `jsonb_build_object('status', ${row}.status, 'position', ${row}.position, 'text_storage_id', ${row}.text_storage_id,
    'file_upload_id', ${row}.file_upload_id, 'batch_version', ${row}.batch_version, 'assigned_by', ${row}.assigned_by)`;

const batch = (row: string) =>
  `jsonb_build_object('state', ${row}.state, 'open_slots', ${row}.open_slots, 'filled_count', ${row}.filled_count,
    'failed_count', ${row}.failed_count, 'version', ${row}.version)`;

/** The same when it is done twice. */
const INSTALL_AUDIT = `
create schema if not exists harness;

create table if not exists harness.audit (
  seq bigserial,
  txid bigint not null,
  at timestamptz not null default clock_timestamp(),
  statement_at timestamptz not null default statement_timestamp(),
  table_name text not null,
  operation text not null,
  batch_id text,
  row_id text,
  old jsonb,
  new jsonb,
  pid int not null default pg_backend_pid(),
  application_name text not null default current_setting('application_name')
);
-- Only ever appended to and read as a whole.
alter table harness.audit set (autovacuum_enabled = off);

create or replace function harness.txid() returns bigint language sql volatile
as $$ select pg_current_xact_id()::text::bigint $$;

-- A registration is summed up per batch; a slot that is born taken would be a finding and has an entry of its own.
create or replace function harness.slots_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, new)
  select harness.txid(), 'slots', 'insert', n.batch_id, jsonb_build_object('count', count(*))
  from new_rows n group by n.batch_id;
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, new)
  select harness.txid(), 'slots', 'insert', n.batch_id, n.essay_id, ${slot('n')}
  from new_rows n where n.status <> 'open';
  return null;
end $$;

create or replace function harness.slots_updated() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, old, new)
  select harness.txid(), 'slots', 'update', n.batch_id, n.essay_id, ${slot('o')}, ${slot('n')}
  from old_rows o join new_rows n using (essay_id)
  order by n.batch_id, n.batch_version, n.position;
  return null;
end $$;

create or replace function harness.slots_deleted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, old)
  select harness.txid(), 'slots', 'delete', o.batch_id, o.essay_id, ${slot('o')} from old_rows o;
  return null;
end $$;

create or replace function harness.batches_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, new)
  select harness.txid(), 'batches', 'insert', n.id, n.id, ${batch('n')} from new_rows n;
  return null;
end $$;

create or replace function harness.batches_updated() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, old, new)
  select harness.txid(), 'batches', 'update', n.id, n.id, ${batch('o')}, ${batch('n')}
  from old_rows o join new_rows n using (id);
  return null;
end $$;

create or replace function harness.pending_inputs_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, new)
  select harness.txid(), 'pending_inputs', 'insert', n.batch_id, n.identity, jsonb_build_object('kind', n.kind) from new_rows n;
  return null;
end $$;

create or replace function harness.pending_inputs_deleted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, old)
  select harness.txid(), 'pending_inputs', 'delete', o.batch_id, o.identity, jsonb_build_object('kind', o.kind) from old_rows o;
  return null;
end $$;

create or replace function harness.excess_contents_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, new)
  select harness.txid(), 'excess_contents', 'insert', n.batch_id, n.text_storage_id,
    jsonb_build_object('file_upload_id', n.file_upload_id)
  from new_rows n;
  return null;
end $$;

create or replace function harness.failures_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, batch_id, row_id, new)
  select harness.txid(), 'failures', 'insert', n.batch_id, n.file_upload_id, jsonb_build_object('essay_id', n.essay_id)
  from new_rows n;
  return null;
end $$;

create or replace function harness.outbox_inserted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, row_id, new)
  select harness.txid(), 'outbox', 'insert', n.id::text,
    jsonb_build_object('publisher', n.publisher, 'message_count', n.message_count)
  from new_rows n;
  return null;
end $$;

create or replace function harness.outbox_deleted() returns trigger language plpgsql security definer as $$
begin
  insert into harness.audit (txid, table_name, operation, old)
  select harness.txid(), 'outbox', 'delete', jsonb_build_object('count', count(*)) from old_rows having count(*) > 0;
  return null;
end $$;
`;

const TRIGGERS: readonly (readonly [table: string, operation: 'insert' | 'update' | 'delete'])[] = [
  ['slots', 'insert'],
  ['slots', 'update'],
  ['slots', 'delete'],
  ['batches', 'insert'],
  ['batches', 'update'],
  ['pending_inputs', 'insert'],
  ['pending_inputs', 'delete'],
  ['excess_contents', 'insert'],
  ['failures', 'insert'],
  ['outbox', 'insert'],
  ['outbox', 'delete'],
];

/** Triggers named `harness_audit_*`; creating them waits for the transactions that are writing. */
function createTriggers(): string {
  return TRIGGERS.map(([table, operation]) => {
    const transition = { insert: 'new table as new_rows', delete: 'old table as old_rows' };
    const tables = operation === 'update' ? `${transition.delete} ${transition.insert}` : transition[operation];
    return `
create or replace trigger harness_audit_${operation} after ${operation} on public.${table}
referencing ${tables} for each statement execute function harness.${table}_${operation === 'insert' ? 'inserted' : `${operation}d`}();`;
  }).join('');
}

function dropTriggers(): string {
  return TRIGGERS.map(
    ([table, operation]) => `drop trigger if exists harness_audit_${operation} on public.${table};`,
  ).join('\n');
}

/** Into a database whose migrations are applied, before the first worker starts. */
export async function installAudit(databaseUrl: string): Promise<void> {
  await execute(databaseUrl, `begin;${INSTALL_AUDIT}${createTriggers()}commit;`);
}

/** The triggers go, what they wrote stays. */
export async function removeAudit(databaseUrl: string): Promise<void> {
  await execute(databaseUrl, `begin;${dropTriggers()}commit;`);
}

async function execute(databaseUrl: string, statements: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-audit' });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
