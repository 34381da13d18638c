/**
 * Goal: what is done does not slow what is to be done, and neither does what waits elsewhere. Method: a backlog is drained
 * in an empty database and again after years of others were put beside it: finished batches with their slots, failures
 * and excess, batches that are open for long, pending inputs of batches that nobody registers, published events, while an
 * old transaction keeps every row in its place that dies meanwhile. Then all of that is taken away, and the run
 * is judged as any other.
 */
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { withClient } from '../cluster/databases.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import { loadNow } from './steps.ts';

const DRAIN_MS_MAX = 120_000;
const APPLICATION = 'harness-aging';
/** In every id of what was put there. */
const AGED = 'aged-';

interface Age {
  readonly finished: number;
  readonly open: number;
  readonly pending: number;
  readonly published: number;
}

const AGES: Readonly<Record<'quick' | 'full', Age>> = {
  quick: { finished: 100_000, open: 10_000, pending: 100_000, published: 50_000 },
  full: { finished: 1_000_000, open: 100_000, pending: 1_000_000, published: 500_000 },
};

export const agedDatabase: Scenario = {
  name: 'aged_database',
  goal: 'What is finished, open elsewhere or pending elsewhere costs the work nothing, however much of it there is.',
  method: 'A backlog in an empty database, and an equal one beside years of others and under an old snapshot.',
  defaultInstances: [1],
  parts: ({ seed, tier, ...request }) =>
    forEachInstances({ seed, tier, ...request }, (workers) => {
      const age = AGES[tier];
      const options = { ...DEFAULT_LOAD, batches: tier === 'quick' ? 300 : 1_000, earlyPercent: 10 };
      return [
        {
          name: 'years',
          workers,
          // Triggers would note years of changes.
          audit: false,
          options: { ...options, ...age },
          run: async (stage) => {
            await stage.startWorkers();
            stage.beginLoad();
            // Warm: what is compared is neither the first run of the code nor of the plans.
            await drainedAfter(stage, loadNow({ ...options, seed: seed + 3 }));
            const empty = await drainedAfter(stage, loadNow({ ...options, seed }));
            stage.note(`putting ${age.finished.toLocaleString('en')} finished batches beside it`);
            const aged = await beside(stage, age, () => drainedAfter(stage, loadNow({ ...options, seed: seed + 1 })));
            for (const [where, { durationMs, walBytes }] of [
              ['in an empty database', empty],
              ['beside years of others', aged],
            ] as const) {
              stage.findings.number(`drained ${where}`, durationMs, { unit: 'ms', better: 'lower' });
              stage.findings.number(`write-ahead log ${where}`, walBytes, { unit: 'bytes', better: 'lower' });
            }
            stage.gate({
              name: 'Throughput beside years of others, over an empty database',
              measured: empty.durationMs / aged.durationMs,
              target: TARGETS.throughputBesideTroubleMin,
              comparison: '>=',
              unit: '',
              source: 'aimed at',
            });
            await stage.quiesce();
          },
        },
      ];
    }),
};

/** What is written for an index that does not fit under one checkpoint is mostly images of its pages. */
async function drainedAfter(stage: Stage, load: SendableLoad): Promise<{ durationMs: number; walBytes: number }> {
  return withClient(stage.deps.sandbox.addresses.databaseUrl, APPLICATION, async (client) => {
    const walPosition = async () => {
      const { rows } = await client.query<{ bytes: string }>(`select pg_current_wal_lsn() - '0/0'::pg_lsn as bytes`);
      return Number(rows[0]?.bytes);
    };
    const [startedAtMs, startedAt] = [performance.now(), await walPosition()];
    await stage.send(load);
    await stage.untilDrained(DRAIN_MS_MAX);
    return { durationMs: performance.now() - startedAtMs, walBytes: (await walPosition()) - startedAt };
  });
}

async function beside<T>(stage: Stage, age: Age, work: () => Promise<T>): Promise<T> {
  const [client, elder] = [await connect(stage), await connect(stage)];
  try {
    for (const statement of aging(age)) await client.query(statement);
    // Years have their vacuums behind them: what is measured is not the one that so many rows at once call for.
    await client.query('vacuum (analyze)');
    await client.query('checkpoint');
    await elder.query('begin transaction isolation level repeatable read; select 1');
    return await work();
  } finally {
    await elder.end();
    // At once: a batch without its slots would look full.
    await client.query(['begin', ...REMOVAL, 'commit'].join('; '));
    await client.end();
  }
}

/** Ids are hashed, so that they lie among those to come and not before or behind them. */
function aging({ finished, open, pending, published }: Age): readonly string[] {
  const ids = (count: number) =>
    `(select md5(n::text) || '-${AGED}' || n as id, n from generate_series(1, ${count}) n) i`;
  return [
    `insert into batches (id, state, expected_count, filled_count, failed_count, version, course_code, user_id,
       correlation_id, registration_digest, registered_at, completed_at)
     select id, 'complete', 2, 1, 1, 3, 'ENG5', 'teacher', id, id, now() - interval '1 year', now() - interval '1 year'
     from ${ids(finished)}`,
    `insert into slots (essay_id, batch_id, position, status, text_storage_id, file_upload_id, batch_version)
     select 'e' || p || id, id, p, case p when 0 then 'filled' else 'failed' end, case p when 0 then 't' || id end,
       'u' || p || id, p + 1
     from ${ids(finished)} cross join generate_series(0, 1) p`,
    `insert into failures (batch_id, file_upload_id, original_file_name, error_code, error_message, correlation_id)
     select id, 'u1' || id, 'essay.txt', 'EMPTY', 'empty', id from ${ids(finished)}`,
    `insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
     select id, 'x' || id, 'v' || id, 'essay.txt', id from ${ids(Math.ceil(finished / 10))}`,
    `insert into batches (id, state, expected_count, open_slots, course_code, user_id, correlation_id,
       registration_digest, registered_at)
     select 'o' || id, 'open', 2, 2, 'ENG5', 'teacher', id, id, now() - interval '1 month' from ${ids(open)}`,
    `insert into slots (essay_id, batch_id, position)
     select 'o' || p || id, 'o' || id, p from ${ids(open)} cross join generate_series(0, 1) p`,
    `insert into batches (id, state) select 'p' || id, 'announced' from ${ids(Math.ceil(pending / 100))}`,
    `insert into pending_inputs (batch_id, kind, identity, file_upload_id, original_file_name, correlation_id)
     select 'p' || md5((1 + n % ${Math.ceil(pending / 100)})::text) || '-${AGED}' || (1 + n % ${Math.ceil(pending / 100)}),
       'content', 'p' || n, 'p' || n, 'essay.txt', 'c'
     from generate_series(1, ${pending}) n`,
    `insert into outbox (publisher, messages, message_count, due_at, published_at)
     select '${AGED}', '[]', 0, now(), now() from generate_series(1, ${published})`,
  ];
}

const REMOVAL = [
  `delete from outbox where publisher = '${AGED}'`,
  `delete from pending_inputs where batch_id like '%-${AGED}%'`,
  ...['excess_contents', 'failures', 'slots'].map((table) => `delete from ${table} where batch_id like '%-${AGED}%'`),
  `delete from batches where id like '%-${AGED}%'`,
];

async function connect(stage: Stage): Promise<Client> {
  const { databaseUrl } = stage.deps.sandbox.addresses;
  const client = new Client({ connectionString: databaseUrl, application_name: APPLICATION });
  await client.connect();
  return client;
}
