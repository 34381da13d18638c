/** Rough counts while a part runs, to decide whether it has raced enough. Never judged. */
import { Client } from 'pg';
import type { WorkerReadings } from './worker-readings.ts';

const COUNT_MS_MAX = 20_000;
/** Pairs of transactions of two instances on one batch, each from its first statement to its last change. */
const OVERLAPS = `
  with stays as (
    select batch_id, txid, min(new ->> 'assigned_by') as instance, min(statement_at) as began, max(at) as ended
      from harness.audit
     where table_name = 'slots' and operation = 'update'
     group by batch_id, txid
  )
  select count(*)::int as count
    from stays a
    join stays b on b.batch_id = a.batch_id and b.txid > a.txid and b.instance <> a.instance
     and b.began < a.ended and a.began < b.ended`;

export interface RacesSoFar {
  readonly overlappingClaims: number;
  readonly uniqueConflicts: number;
}

export async function countRacesSoFar(databaseUrl: string, readings: WorkerReadings): Promise<RacesSoFar> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'harness-races',
    query_timeout: COUNT_MS_MAX,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>(OVERLAPS);
    const uniqueConflicts = readings.sum('els_database_errors_total', 'sqlstate="23505"');
    return { overlappingClaims: rows[0]?.count ?? 0, uniqueConflicts };
  } finally {
    await client.end();
  }
}
