/**
 * What a load is made of. Every option has a default, a range and a sentence; `checkLoadOptions` refuses what cannot
 * be planned, so that the planner may trust its input. Percentages are exact over the whole load where they add or
 * remove inputs (excess, failures) and drawn per input or batch otherwise.
 */
export interface LoadOptions {
  readonly seed: number;
  readonly batches: number;
  readonly slots: number;
  /** Further copies per slot input; 100 means one more copy of each on average, 1900 twenty in all. */
  readonly duplicatePercent: number;
  /** Share of the copies that come long after the original, often after the batch is complete. */
  readonly farDuplicatePercent: number;
  /** Contents beyond what the slots can take. */
  readonly excessPercent: number;
  /** Slots' worth of files that did not validate. */
  readonly failurePercent: number;
  /** Slot inputs sent before the registration of their batch. */
  readonly earlyPercent: number;
  /** Batches registered again, identically. */
  readonly repeatPercent: number;
  /** Batches registered again with other slots, which must be refused. */
  readonly conflictPercent: number;
  /** Batches that lack one input and must stay open. */
  readonly incompletePercent: number;
  /** Inputs per second by due time, whatever the service does (open model); 0: as fast as Kafka takes them. */
  readonly ratePerSecond: number;
  /** With a rate: as many batches as fill this time. Without: the rate that spreads the batches over it. */
  readonly durationSeconds: number | null;
  /**
   * production: the key is the batch, one instance sees all of it. adversarial: the key is the upload (the contract's
   * own), and of a re-sent event the event, so that one batch and even one content meet on several instances.
   */
  readonly routing: 'production' | 'adversarial';
  /** Batches whose inputs are mixed with each other. Fewer are hotter. */
  readonly batchesInFlight: number;
  /** Wall clock that timestamps in the messages start from. */
  readonly startAtMs: number;
}

export const DEFAULT_LOAD: LoadOptions = {
  seed: 1,
  batches: 300,
  slots: 20,
  duplicatePercent: 30,
  farDuplicatePercent: 50,
  excessPercent: 20,
  failurePercent: 5,
  earlyPercent: 10,
  repeatPercent: 10,
  conflictPercent: 0,
  incompletePercent: 0,
  ratePerSecond: 0,
  durationSeconds: null,
  routing: 'adversarial',
  batchesInFlight: 20,
  startAtMs: 0,
};

type NumericOption = Exclude<keyof LoadOptions, 'routing' | 'durationSeconds' | 'startAtMs'>;

const RANGES: Readonly<Record<NumericOption, { min: number; max: number; whole: boolean }>> = {
  seed: { min: 0, max: 0xffff_ffff, whole: true },
  batches: { min: 1, max: 1_000_000, whole: true },
  slots: { min: 1, max: 100_000, whole: true },
  duplicatePercent: { min: 0, max: 10_000, whole: false },
  farDuplicatePercent: { min: 0, max: 100, whole: false },
  excessPercent: { min: 0, max: 1_000, whole: false },
  failurePercent: { min: 0, max: 100, whole: false },
  earlyPercent: { min: 0, max: 100, whole: false },
  repeatPercent: { min: 0, max: 100, whole: false },
  conflictPercent: { min: 0, max: 100, whole: false },
  incompletePercent: { min: 0, max: 100, whole: false },
  ratePerSecond: { min: 0, max: 1_000_000, whole: false },
  batchesInFlight: { min: 1, max: 10_000, whole: true },
};

/** Sentences about what is wrong; empty when the options can be planned. */
export function checkLoadOptions(options: LoadOptions): string[] {
  const problems: string[] = [];
  for (const [name, range] of Object.entries(RANGES) as [NumericOption, (typeof RANGES)[NumericOption]][]) {
    const value = options[name];
    const inRange = value >= range.min && value <= range.max;
    if (!inRange || (range.whole && !Number.isInteger(value))) {
      problems.push(`${name} must be ${range.whole ? 'a whole number ' : ''}from ${range.min} to ${range.max}`);
    }
  }
  if (options.durationSeconds !== null && !(options.durationSeconds > 0 && options.durationSeconds <= 86_400)) {
    problems.push('durationSeconds must be above 0 and at most 86400');
  }
  return problems;
}
