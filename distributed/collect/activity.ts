/** The sessions of the product's database at one moment, for who waits and who sits in a transaction. */
import { Client } from 'pg';
import { z } from 'zod';
import { dump } from './tables.ts';

/** Only transactions that have lasted so long are worth a question; younger ones are somebody's ordinary work. */
const QUERY = `
  select jsonb_build_object('pid', pid, 'application_name', application_name,
    'state', case when now() - xact_start < interval '1 second' then 'active' else state end,
    'query', left(query, 500), 'transaction_ms', extract(epoch from now() - xact_start) * 1000,
    'waits_for_lock', coalesce(wait_event_type = 'Lock', false)) as row
  from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
  order by pid`;

export const ACTIVITY_FILE = 'activity.jsonl';

export const activitySchema = z.object({
  pid: z.number(),
  application_name: z.string(),
  state: z.string().nullable(),
  query: z.string(),
  transaction_ms: z.number().nullable(),
  waits_for_lock: z.boolean(),
});

export async function collectActivity(databaseUrl: string, path: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-collect' });
  await client.connect();
  try {
    await client.query('begin read only');
    return await dump(client, QUERY, path);
  } finally {
    await client.end();
  }
}
