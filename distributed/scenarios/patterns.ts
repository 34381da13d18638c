/**
 * Loads made of small batches of one shape each, sent so that the races of that shape happen often: every copy of an
 * input has a key of its own, so that all instances get some. Pure: the same options give the same inputs.
 */
import { DEFAULT_LOAD, type LoadOptions } from '../generator/load-options.ts';
import { expectBatch, totalsOf } from '../generator/manifest.ts';
import type { Load, PlannedInput } from '../generator/plan.ts';
import { SeededRandom, seededUuid } from '../generator/seeded-random.ts';

/** Streams of the seed: 0 and up are batches of the generator. */
const STREAM = 0x7f00_0002;

export interface Pattern {
  readonly slots: number;
  /** Distinct contents. */
  readonly contents: number;
  /** How often each of them is sent. */
  readonly copies: number;
  /**
   * identical: one event, the same bytes under different keys, so that they meet on different instances. resent: an
   * event of its own each time. redelivered: the same bytes under the same key, as a producer that retries sends them.
   */
  readonly copyKind: 'identical' | 'resent' | 'redelivered';
}

export interface PatternOptions {
  readonly seed: number;
  /** How often each pattern is repeated, as a batch of its own. */
  readonly repeats: number;
  readonly patterns: readonly Pattern[];
  /** Batches whose inputs are mixed. */
  readonly batchesInFlight: number;
  readonly startAtMs: number;
}

export function patternLoad(options: PatternOptions): Load {
  const specs = Array.from({ length: options.repeats }, () => options.patterns).flat();
  const batches = specs.map((pattern, index) => new PatternBatch(options, pattern, index));
  const expected = batches.map((batch) => batch.expectation());
  const totals = totalsOf(
    expected,
    batches.reduce((sum, batch) => sum + batch.inputCount, 0),
  );
  const loadOptions: LoadOptions = {
    ...DEFAULT_LOAD,
    seed: options.seed,
    batches: batches.length,
    batchesInFlight: options.batchesInFlight,
    startAtMs: options.startAtMs,
  };
  return {
    options: loadOptions,
    manifest: { options: loadOptions, batches: expected, totals },
    inputs: () => mixed(options, batches),
  };
}

/** Registrations of some batches first, then all their inputs in random order. */
function* mixed(options: PatternOptions, batches: readonly PatternBatch[]): Generator<PlannedInput> {
  const random = new SeededRandom(options.seed, STREAM);
  for (let from = 0; from < batches.length; from += options.batchesInFlight) {
    const inFlight = batches.slice(from, from + options.batchesInFlight);
    for (const batch of inFlight) yield batch.registration();
    const inputs = inFlight.flatMap((batch) => batch.inputs());
    for (let left = inputs.length; left > 0; left--) {
      const at = Math.floor(random.fraction() * left);
      const input = inputs[at];
      const last = inputs[left - 1];
      if (input === undefined || last === undefined) continue;
      inputs[at] = last;
      yield input;
    }
  }
}

class PatternBatch {
  private readonly options: PatternOptions;
  private readonly pattern: Pattern;
  private readonly index: number;

  constructor(options: PatternOptions, pattern: Pattern, index: number) {
    this.options = options;
    this.pattern = pattern;
    this.index = index;
  }

  get inputCount(): number {
    return 1 + this.pattern.contents * this.pattern.copies;
  }

  expectation() {
    const { slots, contents, copies } = this.pattern;
    const duplicates = contents * (copies - 1);
    const batchId = this.id('batch', 0);
    const plan = { index: this.index, batchId, slots, contents, failures: 0, duplicates, repeats: 0, conflicts: 0 };
    return expectBatch({ ...plan, inputs: [] });
  }

  registration(): PlannedInput {
    return {
      ...this.base(),
      kind: 'registration',
      eventId: this.id('registration', 0),
      key: this.id('batch', 0),
      essayIds: Array.from({ length: this.pattern.slots }, (_, index) => this.id('essay', index)),
      courseCode: 'ENG5',
      userId: this.id('user', 0),
      orgId: null,
      classId: null,
      conflicting: false,
    };
  }

  inputs(): PlannedInput[] {
    const { contents, copies } = this.pattern;
    return Array.from({ length: contents * copies }, (_, at) => this.content(Math.floor(at / copies), at % copies));
  }

  private content(index: number, copy: number): PlannedInput {
    const { copyKind } = this.pattern;
    const fileUploadId = this.id('upload', index);
    const event = this.id('event', index, copyKind === 'resent' ? copy : 0);
    const ownKey = this.id('event', index, copy);
    return {
      ...this.base(),
      kind: 'content',
      eventId: event,
      key: copyKind === 'redelivered' ? fileUploadId : ownKey,
      copyKind: copy === 0 ? 'first' : copyKind === 'resent' ? 'resent' : 'redelivered',
      textStorageId: this.id('text', index),
      fileUploadId,
      originalFileName: `essay-${this.index}-${index}.docx`,
    };
  }

  private base() {
    return {
      dueMs: 0,
      batchId: this.id('batch', 0),
      correlationId: this.id('correlation', 0),
      occurredAtMs: this.options.startAtMs,
      copyKind: 'first' as const,
      makesCompletable: false,
    };
  }

  private id(kind: Parameters<typeof seededUuid>[0]['kind'], index: number, copy = 0): string {
    return seededUuid({ seed: this.options.seed, kind, batchIndex: this.index, index, copy });
  }
}
