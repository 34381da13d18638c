/**
 * What one batch of a load consists of. Depends on the options and the batch's index only, so any batch can be
 * planned, or its ids named again, without the rest of the load.
 */
import type { LoadOptions } from './load-options.ts';
import { SeededRandom, seededUuid } from './seeded-random.ts';

/** Where the registration stands in a batch that has early inputs. */
const REGISTRATION_POSITION = 0.3;
/** How far copies lie from their original: near within a few inputs, far up to after the batch is complete. */
const NEAR_DISTANCE_MAX = 0.03;
const FAR_DISTANCE_MIN = 0.2;
const FAR_DISTANCE_MAX = 1.5;

export interface BatchPlan {
  readonly index: number;
  readonly batchId: string;
  readonly slots: number;
  /** Distinct contents, distinct failed uploads. */
  readonly contents: number;
  readonly failures: number;
  /** Inputs in a random order of position; several may be copies of one. */
  readonly inputs: readonly PlacedInput[];
  readonly duplicates: number;
  readonly repeats: number;
  readonly conflicts: number;
}

export type CopyKind = 'first' | 'redelivered' | 'resent';

/** One record to be sent, without its ids. Position 0 is the start of the batch, 1 the end of its first copies. */
export interface PlacedInput {
  readonly position: number;
  readonly kind: 'registration' | 'conflict' | 'content' | 'failure';
  readonly index: number;
  /** first: the original. redelivered: the same bytes again. resent: the same thing in an event of its own. */
  readonly copyKind: CopyKind;
  /** Counts the events of one thing: 0 for the original and what repeats its bytes. */
  readonly copy: number;
}

export function planBatch(options: LoadOptions, index: number): BatchPlan {
  const random = new SeededRandom(options.seed, index);
  const { contents, failures } = countInputs(options, index, random);
  const placer = new Placer(options, random);
  const early = Array.from({ length: contents + failures }, () => random.chance(options.earlyPercent));
  const registeredAt = early.some((is) => is) ? REGISTRATION_POSITION : 0;
  placer.add({ position: registeredAt, kind: 'registration', index: 0, copyKind: 'first', copy: 0 });
  for (let i = 0; i < contents + failures; i++) {
    const from = early[i] === true ? 0 : registeredAt;
    const width = early[i] === true ? registeredAt : 1 - registeredAt;
    // Never exactly at the registration's own position: earlier means earlier.
    const position = from + width * (0.001 + 0.998 * random.fraction());
    const kind = i < contents ? 'content' : 'failure';
    placer.addWithCopies({ position, kind, index: i < contents ? i : i - contents, copyKind: 'first', copy: 0 });
  }
  const repeats = random.chance(options.repeatPercent) ? 1 : 0;
  if (repeats > 0) {
    placer.addCopy({ position: registeredAt, kind: 'registration', index: 0, copyKind: 'first', copy: 0 }, 1);
  }
  const conflicts = random.chance(options.conflictPercent) ? 1 : 0;
  if (conflicts > 0) {
    const position = registeredAt + 0.01 + random.fraction();
    placer.add({ position, kind: 'conflict', index: 0, copyKind: 'first', copy: 0 });
  }
  return {
    index,
    batchId: idOf(options, index, 'batch', 0),
    slots: options.slots,
    contents,
    failures,
    inputs: placer.inputs,
    duplicates: placer.duplicates,
    repeats,
    conflicts,
  };
}

export function idOf(
  options: LoadOptions,
  batchIndex: number,
  kind: Parameters<typeof seededUuid>[0]['kind'],
  index: number,
  copy = 0,
): string {
  return seededUuid({ seed: options.seed, kind, batchIndex, index, copy });
}

/** Contents and failures of a batch; a remainder below one input is carried from batch to batch. */
function countInputs(
  options: LoadOptions,
  index: number,
  random: SeededRandom,
): { contents: number; failures: number } {
  const failures = share(options.slots, options.failurePercent, index);
  const excess = share(options.slots, options.excessPercent, index);
  const contents = options.slots - failures;
  if (!random.chance(options.incompletePercent)) {
    return { contents: contents + excess, failures };
  }
  return contents > 0 ? { contents: contents - 1, failures } : { contents, failures: failures - 1 };
}

function share(slots: number, percent: number, index: number): number {
  const upTo = (batches: number) => Math.floor((slots * percent * batches) / 100 + 1e-9);
  return upTo(index + 1) - upTo(index);
}

class Placer {
  readonly inputs: PlacedInput[] = [];
  duplicates = 0;
  private readonly options: LoadOptions;
  private readonly random: SeededRandom;

  constructor(options: LoadOptions, random: SeededRandom) {
    this.options = options;
    this.random = random;
  }

  add(input: PlacedInput): void {
    this.inputs.push(input);
  }

  addWithCopies(original: PlacedInput): void {
    this.add(original);
    const certain = Math.floor(this.options.duplicatePercent / 100);
    const copies = certain + (this.random.chance(this.options.duplicatePercent - certain * 100) ? 1 : 0);
    for (let copy = 1; copy <= copies; copy++) {
      this.addCopy(original, copy);
      this.duplicates++;
    }
  }

  addCopy(original: PlacedInput, copy: number): void {
    const far = this.random.chance(this.options.farDuplicatePercent);
    const distance = far
      ? FAR_DISTANCE_MIN + (FAR_DISTANCE_MAX - FAR_DISTANCE_MIN) * this.random.fraction()
      : NEAR_DISTANCE_MAX * (0.01 + this.random.fraction());
    const redelivered = this.random.chance(50);
    this.add({
      ...original,
      position: original.position + distance,
      copyKind: redelivered ? 'redelivered' : 'resent',
      copy: redelivered ? 0 : copy,
    });
  }
}
