/**
 * What every contestant of a bench drains: the same contents of the same registered batches, in the same order. The
 * batches are put into the tables beforehand, by one statement for all, so that a run is about contents alone.
 */
import type { Kafka } from 'kafkajs';
import type { Topics } from '../../src/contract/topics.ts';
import { withClient } from '../cluster/databases.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../generator/load-options.ts';
import { type Load, type PlannedContent, type PlannedRegistration, planLoad } from '../generator/plan.ts';
import { publishLoad } from '../generator/producer.ts';

const ROWS_PER_INSERT = 10_000;

/** Registers a batch as a worker does, in columns that every release has. */
const REGISTER = `
insert into batches (id, state, expected_count, open_slots, course_code, user_id, correlation_id, registration_digest, registered_at)
select id, 'open', slots, slots, course, user_id, correlation, 'bench', now()
from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[]) as t(id, slots, course, user_id, correlation)`;
const ADD_SLOTS = `
insert into slots (essay_id, batch_id, position)
select * from unnest($1::text[], $2::text[], $3::int[])`;

/** Ids of batches that were complete before anybody came begin with it. */
export const FINISHED_PREFIX = 'finished-';
/** One slot each: it is their number that matters. */
const ADD_FINISHED = `
with finished as (
  insert into batches (id, state, expected_count, open_slots, filled_count, version, course_code, user_id, correlation_id,
    registration_digest, registered_at, completed_at)
  select '${FINISHED_PREFIX}' || n, 'complete', 1, 0, 1, 1, 'ENG5', 'user', 'correlation', 'bench', now(), now()
  from generate_series(1, $1::int) n
  returning id
)
insert into slots (essay_id, batch_id, position, status, text_storage_id, file_upload_id, original_file_name, assigned_at,
  assigned_by, batch_version)
select id || '-essay', id, 0, 'filled', id || '-text', id || '-upload', 'one.txt', now(), 'bench', 1 from finished`;

export interface BacklogShape {
  readonly batches: number;
  readonly slots: number;
  /** production: all of a batch on one partition. adversarial: spread over all. */
  readonly routing: LoadOptions['routing'];
  readonly seed: number;
}

export interface Backlog {
  readonly shape: BacklogShape;
  readonly registrations: readonly PlannedRegistration[];
  readonly contents: readonly PlannedContent[];
  readonly load: Load;
}

/** `pace`: inputs with due times; all at once if not given. */
export function planBacklog(
  shape: BacklogShape,
  pace: Partial<Pick<LoadOptions, 'ratePerSecond' | 'batchesInFlight'>> = {},
): Backlog {
  const load = planLoad({
    ...DEFAULT_LOAD,
    ...shape,
    ...pace,
    duplicatePercent: 0,
    excessPercent: 0,
    failurePercent: 0,
    earlyPercent: 0,
    repeatPercent: 0,
  });
  const inputs = [...load.inputs()];
  return {
    shape,
    load,
    registrations: inputs.filter((input) => input.kind === 'registration'),
    contents: inputs.filter((input) => input.kind === 'content'),
  };
}

export async function publishContents(kafka: Kafka, topics: Topics, backlog: Backlog): Promise<void> {
  const load = { ...backlog.load, inputs: () => backlog.contents };
  const { published } = await publishLoad({ kafka, topics, load });
  if (published !== backlog.contents.length) throw new Error(`${published} of ${backlog.contents.length} published`);
}

/** Leaves tables with statistics, so that nobody's run meets the first autovacuum. */
export async function registerBatches(databaseUrl: string, backlog: Pick<Backlog, 'registrations'>): Promise<void> {
  await withClient(databaseUrl, 'bench', async (client) => {
    for (const part of parts(backlog.registrations, ROWS_PER_INSERT)) {
      await client.query(REGISTER, [
        part.map(({ batchId }) => batchId),
        part.map(({ essayIds }) => essayIds.length),
        part.map(({ courseCode }) => courseCode),
        part.map(({ userId }) => userId),
        part.map(({ correlationId }) => correlationId),
      ]);
    }
    const slots = backlog.registrations.flatMap(({ batchId, essayIds }) =>
      essayIds.map((essayId, position) => ({ essayId, batchId, position })),
    );
    for (const part of parts(slots, ROWS_PER_INSERT)) {
      await client.query(ADD_SLOTS, [
        part.map(({ essayId }) => essayId),
        part.map(({ batchId }) => batchId),
        part.map(({ position }) => position),
      ]);
    }
    await client.query('vacuum (analyze) batches, slots');
  });
}

/** Before the others are registered, which ends with statistics of all. */
export async function addFinishedBatches(databaseUrl: string, count: number): Promise<void> {
  await withClient(databaseUrl, 'bench', (client) => client.query(ADD_FINISHED, [count]));
}

function* parts<T>(items: readonly T[], sizeMax: number): Iterable<readonly T[]> {
  for (let from = 0; from < items.length; from += sizeMax) yield items.slice(from, from + sizeMax);
}
