/**
 * Goal: a record that cannot be processed is set aside with its reason and its bytes, and stops nothing; a record that
 * is merely odd is processed. Method: every row of the catalogue several times, and hundreds of the same malformed record,
 * mixed into a good load; each row must meet exactly its fate. Then batches as other producers write them: every codec,
 * transactions committed and aborted, bombs.
 */
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { seededUuid } from '../generator/seeded-random.ts';
import type { RawInput, SendableInput, SendableLoad } from '../generator/sendable.ts';
import { readLetter } from '../judge/evidence/output-records.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { acceptedRows, BAD_ROWS, badInputs, FLOOD, RecordMaker, ROW_HEADER, VALUE_BYTES_MAX } from './bad-records.ts';
import { ForeignBatches } from './foreign-batches.ts';
import { loadNow } from './steps.ts';

const COPIES = 3;
const REASONS = new Set(BAD_ROWS.map(({ fate }) => fate).filter((fate) => fate !== 'accepted' && fate !== 'ignored'));

export const badInput: Scenario = {
  name: 'bad_input',
  goal: 'What cannot be processed is set aside with reason and bytes and stops nothing; what is odd is processed.',
  method: `${BAD_ROWS.length} kinds of bad and odd records, a flood of one, every codec, bombs, transactions; in a good load.`,
  defaultInstances: [3],
  parts: (request) => {
    const isQuick = request.tier === 'quick';
    const good = { ...DEFAULT_LOAD, seed: request.seed, batches: isQuick ? 80 : 800, conflictPercent: 10 };
    const floodSize = isQuick ? 500 : 10_000;
    return forEachInstances(request, (workers) => [
      {
        name: 'catalogue',
        workers,
        env: { VALUE_BYTES_MAX: String(VALUE_BYTES_MAX) },
        options: { ...good, rows: BAD_ROWS.length, copies: COPIES, floodSize },
        // And the contradicting registrations of the good load.
        races: { deadLetterReasons: REASONS.size + 1 },
        run: async (stage) => {
          stage.afterwards(({ directory }) => judgeRows(stage, directory));
          await stage.startWorkers();
          stage.beginLoad();
          await stage.send(mix(loadNow(good), hostile(request.seed, floodSize)));
          await stage.quiesce();
        },
      },
      {
        name: 'foreign-batches',
        workers,
        options: { ...good, conflictPercent: 0, transactions: true },
        run: async (stage) => {
          const foreign = new ForeignBatches(stage, request.seed);
          stage.afterwards(({ directory }) => foreign.judge(directory));
          await stage.startWorkers();
          stage.beginLoad();
          const load = loadNow({ ...good, conflictPercent: 0 });
          await Promise.all([stage.send(mix(load, [foreign.registration()])), foreign.send()]);
          await stage.quiesce();
        },
      },
    ]);
  },
};

/** A batch for the odd but acceptable records, and all records of the catalogue. */
function hostile(seed: number, floodSize: number): RawInput[] {
  const batchId = seededUuid({ seed, kind: 'batch', batchIndex: 0x3fff_ffff, index: 0, copy: 0 });
  const maker = new RecordMaker(seed, 0x0fff_ffff, batchId);
  const essayIds = Array.from({ length: COPIES * acceptedRows() }, (_, index) => maker.id('essay', index));
  const value = maker.registration({ entity_id: batchId, expected_essay_count: essayIds.length, essay_ids: essayIds });
  const base = { kind: 'raw', dueMs: 0, batchId, makesCompletable: false } as const;
  const registration: RawInput = { ...base, topic: 'registration', key: batchId, value, headers: {} };
  return [registration, ...badInputs({ seed, copies: COPIES, floodSize, batchId })];
}

/** The raw records spread evenly between the inputs of the load. */
function mix(load: SendableLoad, raw: readonly RawInput[]): SendableLoad {
  const { inputs: planned } = load.manifest.totals;
  return {
    ...load,
    inputs: function* mixed(): Generator<SendableInput> {
      let next = 0;
      let sent = 0;
      for (const input of load.inputs()) {
        yield input;
        sent++;
        const due = Math.floor((sent / planned) * raw.length);
        for (; next < due; next++) yield* raw.slice(next, next + 1);
      }
      yield* raw.slice(next);
    },
  };
}

/** By row: how many letters of which reason its records have. */
async function judgeRows(stage: Stage, directory: RunDirectory): Promise<void> {
  const rowOf = new Map<string, string>();
  for await (const { topic, partition, offset, headers } of directory.readTopic('in')) {
    const row = headers[ROW_HEADER];
    if (row !== undefined) rowOf.set(`${topic}/${partition}@${offset}`, row);
  }
  const reasons = new Map<string, Map<string, Set<string>>>();
  for await (const record of directory.readTopic('dlq')) {
    const letter = readLetter(record);
    const row = rowOf.get(letter.origin);
    if (row === undefined) continue;
    const byReason = reasons.get(row) ?? new Map<string, Set<string>>();
    reasons.set(row, byReason);
    byReason.set(letter.reason, (byReason.get(letter.reason) ?? new Set()).add(letter.origin));
  }
  const sent = new Map<string, number>();
  for (const row of rowOf.values()) sent.set(row, (sent.get(row) ?? 0) + 1);
  const problems = [...BAD_ROWS, FLOOD].flatMap(({ name, fate }) => {
    const expected = fate === 'accepted' || fate === 'ignored' ? {} : { [fate]: sent.get(name) ?? 0 };
    const found = Object.fromEntries([...(reasons.get(name) ?? [])].map(([reason, at]) => [reason, at.size]));
    const isRight = JSON.stringify(expected) === JSON.stringify(found) && (sent.get(name) ?? 0) > 0;
    if (isRight) return [];
    return [
      { message: `${name}: ${sent.get(name) ?? 0} sent, dead letters ${JSON.stringify(found)}, must be ${fate}` },
    ];
  });
  stage.findings.checks.push({
    id: 'bad-input',
    title: 'Every kind of bad record meets its fate',
    verdict: problems.length === 0,
    judged: BAD_ROWS.length + 1,
    problemCount: problems.length,
    problems: problems.slice(0, 20),
  });
}
