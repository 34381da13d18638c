/** A product Database on a test's own database, with short limits, that a test can bend one by one. */
import { Database, type DatabaseOptions, HOT_PLAN_SETTINGS } from '../../../src/postgres/database.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';

export const silentLog = createLogger({ level: 'silent', instance: 'test' });

export function openDatabase(
  url: string,
  options: Partial<DatabaseOptions> = {},
  metrics: Metrics = new Metrics(),
): Database {
  return new Database(
    {
      url,
      name: 'test',
      poolMax: 4,
      connectTimeoutMs: 5_000,
      lockTimeoutMs: 5_000,
      statementTimeoutMs: 8_000,
      queryTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 12_000,
      sessionSettings: HOT_PLAN_SETTINGS,
      ...options,
    },
    metrics,
    silentLog,
  );
}

/** What a counter has counted, all its label sets together or only those with these labels. */
export async function counted(
  counter: { get(): Promise<{ values: { value: number; labels: object }[] }> },
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { values } = await counter.get();
  const wanted = Object.entries(labels);
  return values
    .filter((each) => wanted.every(([name, value]) => Reflect.get(each.labels, name) === value))
    .reduce((sum, each) => sum + each.value, 0);
}
