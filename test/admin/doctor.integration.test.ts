import type { Finding } from '../../src/admin/deps.ts';
import { ChildProgram } from '../support/child-program.ts';
import { createEmptyDatabase } from '../support/servers/empty-database.ts';
import { kafkaBrokers, redisUrlForFile } from '../support/servers/servers.ts';

jest.setTimeout(120_000);

const NOWHERE = '127.0.0.1:1';

async function doctor(env: Record<string, string>): Promise<{ code: number | null; findings: Finding[] }> {
  const program = new ChildProgram('src/bin/admin.ts', ['doctor', '--json'], env);
  const code = await program.exited();
  return { code, findings: (JSON.parse(program.stdout) as { findings: Finding[] }).findings };
}

async function command(env: Record<string, string>, ...args: string[]): Promise<number | null> {
  return new ChildProgram('src/bin/admin.ts', args, env).exited();
}

function states(findings: readonly Finding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ about, state }) => [about, state]));
}

test('an unprepared world is told with what mends it, and what mends it makes it well', async () => {
  const database = await createEmptyDatabase();
  const env = {
    DATABASE_URL: database.databaseUrl,
    KAFKA_BROKERS: kafkaBrokers().join(','),
    REDIS_URL: await redisUrlForFile(),
    TOPIC_PREFIX: `doctor-${process.pid}.`,
    CONSUMER_GROUP: `doctor-${process.pid}`,
  };
  try {
    const before = await doctor(env);
    expect(before.code).toBe(1);
    expect(states(before.findings)).toMatchObject({ settings: 'ok', database: 'ok', tables: 'failed', redis: 'ok' });
    const mends = before.findings.filter(({ state }) => state === 'failed').map(({ mend }) => mend);
    expect(new Set(mends)).toEqual(new Set(['els migrate up', 'els topics ensure']));
    expect(await command(env, 'migrate', 'up')).toBe(0);
    expect(await command(env, 'topics', 'ensure', '--partitions', '3')).toBe(0);
    const after = await doctor({ ...env, INBOUND_PARTITIONS_MIN: '3' });
    expect(after.findings.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(after.code).toBe(0);
    expect(after.findings).toContainEqual({
      about: 'consumer group',
      state: 'warning',
      text: `nobody is in ${env.CONSUMER_GROUP}`,
      mend: 'pnpm worker',
    });
  } finally {
    await database.drop();
  }
});

test('every server away: each has its line and its mend, within the time of one', async () => {
  const { code, findings } = await doctor({
    DATABASE_URL: `postgres://els:canary@${NOWHERE}/els`,
    KAFKA_BROKERS: NOWHERE,
    REDIS_URL: `redis://:canary@${NOWHERE}/0`,
  });
  expect(code).toBe(1);
  expect(states(findings)).toMatchObject({
    settings: 'ok',
    database: 'failed',
    tables: 'skipped',
    rights: 'skipped',
    kafka: 'failed',
    topics: 'skipped',
    'consumer group': 'skipped',
    redis: 'warning',
  });
  expect(JSON.stringify(findings)).not.toContain('canary');
});
