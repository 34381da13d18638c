import fc from 'fast-check';
import { DEFAULT_LOAD, type LoadOptions } from '../../../distributed/generator/load-options.ts';
import {
  essayIds,
  failedUploadIds,
  type PlannedInput,
  planLoad,
  textStorageIds,
} from '../../../distributed/generator/plan.ts';
import { outcomeInOrder } from './sequential-model.ts';

const anyOptions = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  batches: fc.integer({ min: 1, max: 12 }),
  slots: fc.integer({ min: 1, max: 25 }),
  duplicatePercent: fc.integer({ min: 0, max: 250 }),
  farDuplicatePercent: fc.integer({ min: 0, max: 100 }),
  excessPercent: fc.integer({ min: 0, max: 150 }),
  failurePercent: fc.integer({ min: 0, max: 100 }),
  earlyPercent: fc.integer({ min: 0, max: 100 }),
  repeatPercent: fc.integer({ min: 0, max: 100 }),
  conflictPercent: fc.integer({ min: 0, max: 100 }),
  incompletePercent: fc.integer({ min: 0, max: 100 }),
  ratePerSecond: fc.constantFrom(0, 10, 1_000),
  durationSeconds: fc.constant(null),
  routing: fc.constantFrom('production' as const, 'adversarial' as const),
  batchesInFlight: fc.integer({ min: 1, max: 20 }),
  startAtMs: fc.constant(1_700_000_000_000),
});

const load = (options: Partial<LoadOptions>) => planLoad({ ...DEFAULT_LOAD, ...options });

describe('a planned load', () => {
  test('is the same for the same options and another for another seed', () => {
    const options = { batches: 20, conflictPercent: 20, ratePerSecond: 50 };
    const one = JSON.stringify([...load(options).inputs()]);
    expect(JSON.stringify([...load(options).inputs()])).toBe(one);
    expect(JSON.stringify([...load({ ...options, seed: 2 }).inputs()])).not.toBe(one);
  });

  test('sends what its manifest says, in any combination of options', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { manifest, inputs } = planLoad(options);
        const sent = [...inputs()];
        const { totals } = manifest;
        expect(sent).toHaveLength(totals.inputs);
        const copies = (input: PlannedInput) => input.copyKind !== 'first';
        const slotInputs = sent.filter((input) => input.kind !== 'registration');
        expect(slotInputs.filter(copies)).toHaveLength(totals.duplicates);
        expect(slotInputs).toHaveLength(totals.contents + totals.failures + totals.duplicates);
        const registrations = sent.filter((input) => input.kind === 'registration');
        expect(registrations.filter(copies)).toHaveLength(totals.repeats);
        expect(registrations.filter((input) => input.conflicting)).toHaveLength(totals.conflicts);
      }),
    );
  });

  test('ends within the manifest when it is processed one by one in sending order', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { manifest, inputs } = planLoad(options);
        const outcome = outcomeInOrder(inputs());
        for (const batch of manifest.batches) {
          const actual = outcome.get(batch.batchId);
          expect(actual).toBeDefined();
          if (actual === undefined) {
            continue;
          }
          expect(actual.complete).toBe(batch.completion);
          expect(actual.filled + actual.failed).toBe(Math.min(batch.slots, batch.contents + batch.failures));
          expect(actual.excess).toBe(batch.contents - actual.filled);
          expect(actual.refused).toBe(batch.conflicts);
          for (const name of ['filled', 'failed', 'excess'] as const) {
            expect(actual[name]).toBeGreaterThanOrEqual(batch[name].min);
            expect(actual[name]).toBeLessThanOrEqual(batch[name].max);
          }
        }
      }),
    );
  });

  test('says exactly which input makes a batch completable', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { manifest, inputs } = planLoad(options);
        const outcome = outcomeInOrder(inputs());
        const marked = [...inputs()].filter((input) => input.makesCompletable);
        expect(marked).toHaveLength(manifest.totals.completions);
        for (const input of marked) {
          expect(outcome.get(input.batchId)?.completedBy).toBe(input.eventId);
        }
      }),
    );
  });

  test('never repeats an id except in copies', () => {
    const { options, manifest, inputs } = load({ batches: 60, duplicatePercent: 300, conflictPercent: 50 });
    const firsts = [...inputs()].filter((input) => input.copyKind === 'first');
    const ids = firsts.map((input) => input.eventId);
    for (const batch of manifest.batches) {
      ids.push(batch.batchId, ...essayIds(options, batch.index));
      ids.push(...textStorageIds(options, batch.index, batch.contents));
      ids.push(...failedUploadIds(options, batch.index, batch.failures));
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(
      true,
    );
  });
});

describe('the order of a load', () => {
  test('has early inputs before their registration, copies after their original, conflicts after the registration', () => {
    const { inputs } = load({ batches: 50, earlyPercent: 20, conflictPercent: 100, duplicatePercent: 100 });
    const registered = new Set<string>();
    const originals = new Set<string>();
    let earlyCount = 0;
    for (const input of inputs()) {
      const identity = identityOf(input);
      if (input.kind === 'registration') {
        expect(input.copyKind === 'first' && !input.conflicting).toBe(!registered.has(input.batchId));
        registered.add(input.batchId);
      } else if (input.copyKind === 'first') {
        earlyCount += registered.has(input.batchId) ? 0 : 1;
        originals.add(identity);
      } else {
        expect(originals).toContain(identity);
      }
    }
    expect(earlyCount / (50 * 24)).toBeGreaterThan(0.1);
    expect(earlyCount / (50 * 24)).toBeLessThan(0.3);
  });

  test('mixes about as many batches as are asked for', () => {
    const together = (batchesInFlight: number) => {
      const sent = [...load({ batches: 60, batchesInFlight, duplicatePercent: 0 }).inputs()];
      const middle = sent.slice(700, 760);
      return new Set(middle.map((input) => input.batchId)).size;
    };
    expect(together(1)).toBeLessThanOrEqual(4);
    expect(together(20)).toBeGreaterThan(10);
  });

  test('is paced evenly by the rate, and by the duration when there is no rate', () => {
    const paced = load({ batches: 10, ratePerSecond: 100 });
    const due = [...paced.inputs()].map((input) => input.dueMs);
    expect(due).toEqual(due.map((_, at) => at * 10));

    const spread = load({ batches: 10, durationSeconds: 10 });
    const last = [...spread.inputs()].at(-1)?.dueMs ?? 0;
    expect(last).toBeGreaterThan(9_900);
    expect(last).toBeLessThanOrEqual(10_000);

    const filled = load({ ratePerSecond: 500, durationSeconds: 20 });
    expect(filled.manifest.totals.inputs / 500).toBeGreaterThan(19);
    expect(filled.manifest.totals.inputs / 500).toBeLessThan(21);
  });
});

describe('keys', () => {
  test('are the batch in production routing, so that one instance sees all of it', () => {
    for (const input of load({ routing: 'production' }).inputs()) {
      expect(input.key).toBe(input.batchId);
    }
  });

  test('are the upload in adversarial routing, and the event where a thing is sent again in a new event', () => {
    for (const input of load({ routing: 'adversarial' }).inputs()) {
      if (input.kind === 'registration') {
        expect(input.key).toBe(input.batchId);
      } else {
        expect(input.key).toBe(input.copyKind === 'resent' ? input.eventId : input.fileUploadId);
      }
    }
  });
});

test('options that cannot be planned are refused, all problems in one message', () => {
  expect(() => load({ slots: 0, earlyPercent: 101 })).toThrow(/slots.*earlyPercent/);
  expect(() => load({ durationSeconds: 0 })).toThrow(/durationSeconds/);
});

function identityOf(input: PlannedInput): string {
  return input.kind === 'content' ? input.textStorageId : input.kind === 'failure' ? input.fileUploadId : input.batchId;
}
