import { checkOutcome } from '../../../distributed/outcome/check-outcome.ts';
import { NO_FAULTS, richBatch, type SampleOutcome, sampleOutcome } from './sample-outcome.ts';

const OPTIONS = { failurePercent: 20, excessPercent: 60, incompletePercent: 0 };

function judge(sample: SampleOutcome, conditions = NO_FAULTS) {
  return checkOutcome(sample.manifest, sample.tables, sample.outputs, conditions);
}

function failed(sample: SampleOutcome, conditions = NO_FAULTS): string[] {
  return judge(sample, conditions)
    .filter((check) => !check.ok)
    .map((check) => check.name);
}

function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) {
    throw new Error('the sample lacks what the test is about');
  }
  return item;
}

const copyOf = <T extends { at: string }>(record: T): T => ({ ...record, at: `${record.at}-copy` });

/** Each plants one fault in a right outcome; the named check must be among those that fail. */
const FAULTS: Record<string, [check: string, plant: (sample: SampleOutcome, batchId: string) => void][]> = {
  batches: [
    ['the batches are those of the load', ({ tables }) => tables.batches.pop()],
    [
      'the batches are those of the load',
      ({ tables }) => tables.batches.push({ ...first(tables.batches), id: 'other' }),
    ],
    [
      'a batch is complete when its slots are taken, and only then',
      ({ tables }) => Object.assign(first(tables.batches), { state: 'open' }),
    ],
    ["a batch's counters equal its slots", ({ tables }) => first(tables.batches).filledCount--],
    ['the versions of a batch are 1 to n without a gap', ({ tables }) => first(tables.batches).version++],
  ],
  slots: [
    [
      'the slots of a batch are those of its first registration, in its order',
      ({ tables }) => Object.assign(first(tables.slots), { position: 99 }),
    ],
    [
      'the versions of a batch are 1 to n without a gap',
      ({ tables }) => Object.assign(first(tables.slots), { batchVersion: 2 }),
    ],
    [
      'filled, failed and excess are as the manifest says',
      ({ tables }) => Object.assign(first(filled(tables)), { status: 'failed', textStorageId: null }),
    ],
    [
      'no slot is taken twice, and a slot holds what its status says',
      ({ tables }) => tables.slots.push({ ...first(filled(tables)) }),
    ],
    [
      'no slot is taken twice, and a slot holds what its status says',
      ({ tables }) => Object.assign(first(filled(tables)), { status: 'open' }),
    ],
  ],
  contents: [
    [
      'no content has two places',
      ({ tables }, id) => {
        const [one, other] = filled(tables).filter((slot) => slot.batchId === id);
        Object.assign(other ?? {}, { textStorageId: one?.textStorageId });
      },
    ],
    [
      'no content has two places',
      ({ tables }) => {
        const { batchId, textStorageId } = first(filled(tables));
        tables.excessContents.push({ batchId, textStorageId: textStorageId ?? '', originalFileName: 'x' });
      },
    ],
    ['every content sent has a place, and no other content has one', ({ tables }) => tables.excessContents.pop()],
    [
      'every content sent has a place, and no other content has one',
      ({ tables }) => Object.assign(first(filled(tables)), { textStorageId: 'of another batch' }),
    ],
    [
      'every failed file is recorded once, and every burnt slot belongs to one failure',
      ({ tables }) => tables.failures.pop(),
    ],
    [
      'every failed file is recorded once, and every burnt slot belongs to one failure',
      ({ tables }) => Object.assign(first(tables.failures.filter((row) => row.essayId !== null)), { essayId: null }),
    ],
  ],
  leftovers: [
    [
      'nothing is pending and nothing is unpublished',
      ({ tables }, batchId) => tables.pendingInputs.push({ batchId, kind: 'content', identity: 'x' }),
    ],
    ['nothing is pending and nothing is unpublished', ({ tables }) => tables.outbox.unpublished++],
    ['nothing is pending and nothing is unpublished', ({ tables }) => tables.outbox.dead++],
  ],
  completions: [
    ['a batch is announced complete exactly once', ({ outputs }) => outputs.completed.pop()],
    [
      'a batch is announced complete exactly once',
      ({ outputs }) => outputs.completed.push(copyOf(first(outputs.completed))),
    ],
    [
      'a batch is announced complete exactly once',
      ({ outputs }) => outputs.completed.push({ ...first(outputs.completed), batchId: 'other' }),
    ],
    [
      'a completion lists exactly the filled slots and says what was registered',
      ({ outputs }) => Object.assign(first(outputs.completed), { essays: first(outputs.completed).essays.slice(1) }),
    ],
    [
      'a completion lists exactly the filled slots and says what was registered',
      ({ outputs }) => first(outputs.completed).provisionedCount++,
    ],
    [
      'a completion lists exactly the filled slots and says what was registered',
      ({ outputs }) => Object.assign(first(outputs.completed), { correlationId: 'other' }),
    ],
  ],
  events: [
    [
      'every filled slot has its slot-assigned event, and no event is without its slot',
      ({ outputs }) => outputs.slotAssigned.pop(),
    ],
    [
      'every filled slot has its slot-assigned event, and no event is without its slot',
      ({ outputs }) => outputs.slotAssigned.push({ ...first(outputs.slotAssigned), essayId: 'other' }),
    ],
    [
      'every filled slot has its slot-assigned event, and no event is without its slot',
      ({ outputs }) => Object.assign(first(outputs.slotAssigned), { fileUploadId: 'other' }),
    ],
    ['every excess content has its event, and no event is without its content', ({ outputs }) => outputs.excess.pop()],
    [
      'every excess content has its event, and no event is without its content',
      ({ outputs }) => outputs.excess.push(copyOf(first(outputs.excess))),
    ],
    [
      'an event id belongs to one event, whose copies are the same bytes',
      ({ outputs }) => Object.assign(first(outputs.excess), { eventId: first(outputs.slotAssigned).eventId }),
    ],
    ['every published record is as the contract says, key included', ({ outputs }) => outputs.malformed.push('x/0@1')],
    [
      'every published record is as the contract says, key included',
      ({ outputs }) => Object.assign(first(outputs.slotAssigned), { key: 'other' }),
    ],
  ],
  deadLetters: [
    ['the dead letters are the conflicting registrations, and no others', ({ outputs }) => outputs.deadLetters.pop()],
    [
      'the dead letters are the conflicting registrations, and no others',
      ({ outputs }) => Object.assign(first(outputs.deadLetters), { reason: 'malformed_json' }),
    ],
    [
      'the dead letters are the conflicting registrations, and no others',
      ({ outputs }) => outputs.deadLetters.push({ ...first(outputs.deadLetters), origin: 'another record' }),
    ],
  ],
};

describe('a right outcome', () => {
  test('passes every check, and every check has judged something', () => {
    const checks = judge(sampleOutcome(OPTIONS));
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(checks.filter((check) => check.judged === 0)).toEqual([]);
  });

  test('passes when some batches must stay open', () => {
    const sample = sampleOutcome({ batches: 20, incompletePercent: 50 });
    expect(sample.manifest.totals.completions).toBeLessThan(20);
    expect(failed(sample)).toEqual([]);
  });

  test('may hold batches of other loads only where that is said', () => {
    const sample = sampleOutcome(OPTIONS);
    const other = sampleOutcome({ ...OPTIONS, seed: 8 });
    for (const name of ['batches', 'slots', 'excessContents', 'failures'] as const) {
      (sample.tables[name] as unknown[]).push(...other.tables[name]);
    }
    for (const name of ['slotAssigned', 'excess', 'completed', 'deadLetters'] as const) {
      const renamed = other.outputs[name].map((record) => ({
        ...record,
        eventId: `other-${record.at}`,
        origin: record.at,
      }));
      (sample.outputs[name] as unknown[]).push(...renamed);
    }
    expect(failed(sample)).toContain('the batches are those of the load');
    expect(failed(sample, { faultsHappened: false, foreignBatchesAllowed: true })).toEqual([]);
  });
});

describe.each(Object.entries(FAULTS))('a fault in %s', (_, faults) => {
  test.each(faults.map(([check, plant], at) => ({ check, plant, at })))(
    '$at is found by: $check',
    ({ check, plant }) => {
      const sample = sampleOutcome(OPTIONS);
      plant(sample, richBatch(sample.manifest));
      expect(failed(sample)).toContain(check);
    },
  );
});

describe('copies of an event', () => {
  test('are allowed when processes died, if they are the same bytes', () => {
    const sample = sampleOutcome(OPTIONS);
    for (const name of ['slotAssigned', 'excess', 'completed', 'deadLetters'] as const) {
      (sample.outputs[name] as unknown[]).push(copyOf(first<{ at: string }>(sample.outputs[name])));
    }
    const faults = { faultsHappened: true, foreignBatchesAllowed: false };
    expect(failed(sample)).toHaveLength(3);
    expect(failed(sample, faults)).toEqual([]);
    first(sample.outputs.completed).digest = 'other bytes';
    expect(failed(sample, faults)).toEqual(['an event id belongs to one event, whose copies are the same bytes']);
  });

  test('under another event id are two events, whatever happened', () => {
    const sample = sampleOutcome(OPTIONS);
    sample.outputs.completed.push({ ...first(sample.outputs.completed), eventId: 'another' });
    expect(failed(sample, { faultsHappened: true, foreignBatchesAllowed: false })).toContain(
      'a batch is announced complete exactly once',
    );
  });
});

test('every check fails on at least one planted fault', () => {
  const planted = new Set(Object.values(FAULTS).flatMap((faults) => faults.map(([check]) => check)));
  expect([...planted].sort()).toEqual(
    judge(sampleOutcome(OPTIONS))
      .map((check) => check.name)
      .sort(),
  );
});

test('many problems are counted, the first twenty are shown', () => {
  const sample = sampleOutcome({ ...OPTIONS, batches: 50 });
  sample.outputs.completed.length = 0;
  const check = judge(sample).find((result) => result.name === 'a batch is announced complete exactly once');
  expect(check).toMatchObject({ ok: false, judged: 50, problemCount: 50 });
  expect(check?.problems).toHaveLength(20);
});

function filled(tables: SampleOutcome['tables']) {
  return tables.slots.filter((slot) => slot.status === 'filled');
}
