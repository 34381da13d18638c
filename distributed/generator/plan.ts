/** A load as it is sent: its inputs in order, each with its due time, and what must become of them. */
import { type BatchPlan, idOf, type PlacedInput, planBatch } from './batch-plan.ts';
import { checkLoadOptions, type LoadOptions } from './load-options.ts';
import { buildManifest, type Manifest } from './manifest.ts';
import { PositionHeap } from './position-heap.ts';

const COURSE_CODES = ['ENG5', 'ENG6', 'ENG7', 'SV1', 'SV2', 'SV3'];
const ERROR_CODES = ['EMPTY_CONTENT', 'CONTENT_TOO_SHORT', 'TEXT_EXTRACTION_FAILED', 'ENCRYPTED_FILE_UNSUPPORTED'];
/** Uploads and events of failures and conflicts are told from those of contents by a high copy number. */
const FAILURE_COPY = 4_096;

/**
 * Turns options into inputs in sending order and a manifest of what must become of them. Pure: the same options give
 * the same load, byte for byte. Only the batches in flight are held in memory.
 */
export interface Load {
  /** With rate, duration and number of batches settled. */
  readonly options: LoadOptions;
  readonly manifest: Manifest;
  /** May be iterated more than once. */
  inputs(): Iterable<PlannedInput>;
}

export type PlannedInput = PlannedRegistration | PlannedContent | PlannedFailure;

interface PlannedBase {
  /** When the input is due, from the start of the load; 0 for all when there is no rate. */
  readonly dueMs: number;
  readonly batchId: string;
  readonly eventId: string;
  readonly key: string;
  readonly correlationId: string;
  readonly occurredAtMs: number;
  readonly copyKind: PlacedInput['copyKind'];
  /** With this input sent, and never before, the batch can be complete: latency of completion counts from here. */
  readonly makesCompletable: boolean;
}

export interface PlannedRegistration extends PlannedBase {
  readonly kind: 'registration';
  readonly essayIds: readonly string[];
  readonly courseCode: string;
  readonly userId: string;
  readonly orgId: string | null;
  readonly classId: string | null;
  /** Differs from the batch's first registration and must be refused. */
  readonly conflicting: boolean;
}

export interface PlannedContent extends PlannedBase {
  readonly kind: 'content';
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
}

export interface PlannedFailure extends PlannedBase {
  readonly kind: 'failure';
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly errorCode: string;
}

/** Throws a RangeError that names every option that is wrong. */
export function planLoad(given: LoadOptions): Load {
  const problems = checkLoadOptions(given);
  if (problems.length > 0) {
    throw new RangeError(problems.join('; '));
  }
  const { options, manifest } = settle(given);
  return { options, manifest, inputs: () => sequence(options, manifest) };
}

/** Text ids of a batch's contents, to tell the right ones from any others. */
export function textStorageIds(options: LoadOptions, batchIndex: number, contents: number): string[] {
  return Array.from({ length: contents }, (_, index) => idOf(options, batchIndex, 'text', index));
}

/** Upload ids of a batch's failed files. */
export function failedUploadIds(options: LoadOptions, batchIndex: number, failures: number): string[] {
  return Array.from({ length: failures }, (_, index) => idOf(options, batchIndex, 'upload', index, FAILURE_COPY));
}

/** Essay ids of a batch's slots, in the order of the registration. */
export function essayIds(options: LoadOptions, batchIndex: number): string[] {
  return Array.from({ length: options.slots }, (_, index) => idOf(options, batchIndex, 'essay', index));
}

function settle(given: LoadOptions): { options: LoadOptions; manifest: Manifest } {
  if (given.durationSeconds === null) {
    return { options: given, manifest: buildManifest(given) };
  }
  if (given.ratePerSecond > 0) {
    const wanted = given.ratePerSecond * given.durationSeconds;
    const batches = Math.max(1, Math.round(wanted / expectedInputs(given)));
    const options = { ...given, batches };
    return { options, manifest: buildManifest(options) };
  }
  const manifest = buildManifest(given);
  const options = { ...given, ratePerSecond: manifest.totals.inputs / given.durationSeconds };
  return { options, manifest: { ...manifest, options } };
}

/** Inputs of a batch on average. */
function expectedInputs(options: LoadOptions): number {
  const distinct = options.slots * (1 + options.excessPercent / 100);
  return 1 + (options.repeatPercent + options.conflictPercent) / 100 + distinct * (1 + options.duplicatePercent / 100);
}

function* sequence(options: LoadOptions, manifest: Manifest): Generator<PlannedInput> {
  const heap = new PositionHeap<{ batch: OpenBatch; input: PlacedInput }>();
  const intervalMs = options.ratePerSecond > 0 ? 1_000 / options.ratePerSecond : 0;
  const batchEvery = 1 / options.batchesInFlight;
  let sent = 0;
  for (let index = 0; index <= options.batches; index++) {
    const start = index * batchEvery;
    const until = index < options.batches ? start : Number.POSITIVE_INFINITY;
    for (let next = heap.popBelow(until); next !== undefined; next = heap.popBelow(until)) {
      yield next.batch.build(next.input, sent * intervalMs);
      sent++;
    }
    if (index < options.batches) {
      const plan = planBatch(options, index);
      const startMs = (manifest.totals.inputs / options.batches) * index * intervalMs;
      const batch = new OpenBatch(options, plan, options.startAtMs + Math.floor(startMs));
      for (const input of plan.inputs) {
        heap.push(start + input.position, { batch, input });
      }
    }
  }
}

/** A batch while its inputs are being sent: builds them and knows when it can first be complete. */
class OpenBatch {
  private readonly options: LoadOptions;
  private readonly plan: BatchPlan;
  private readonly occurredAtMs: number;
  private distinctSent = 0;
  private registrationSent = false;

  constructor(options: LoadOptions, plan: BatchPlan, occurredAtMs: number) {
    this.options = options;
    this.plan = plan;
    this.occurredAtMs = occurredAtMs;
  }

  build(input: PlacedInput, dueMs: number): PlannedInput {
    const base = {
      dueMs,
      batchId: this.plan.batchId,
      correlationId: this.id('correlation', 0),
      occurredAtMs: this.occurredAtMs,
      copyKind: input.copyKind,
      makesCompletable: this.noteSent(input),
    };
    switch (input.kind) {
      case 'content':
        return { ...base, ...this.content(input) };
      case 'failure':
        return { ...base, ...this.failure(input) };
      default:
        return { ...base, ...this.registration(input) };
    }
  }

  private noteSent(input: PlacedInput): boolean {
    if (input.copyKind !== 'first' || input.kind === 'conflict') {
      return false;
    }
    const before = this.isCompletable();
    if (input.kind === 'registration') {
      this.registrationSent = true;
    } else {
      this.distinctSent++;
    }
    return !before && this.isCompletable();
  }

  private isCompletable(): boolean {
    return this.registrationSent && this.distinctSent >= this.plan.slots;
  }

  private content(input: PlacedInput) {
    const fileUploadId = this.id('upload', input.index);
    const eventId = this.id('event', input.index, input.copy);
    return {
      kind: 'content' as const,
      eventId,
      key: this.slotInputKey(input, fileUploadId, eventId),
      textStorageId: this.id('text', input.index),
      fileUploadId,
      originalFileName: `essay-${this.plan.index}-${input.index}.docx`,
    };
  }

  private failure(input: PlacedInput) {
    const fileUploadId = this.id('upload', input.index, FAILURE_COPY);
    const eventId = this.id('event', input.index, FAILURE_COPY + input.copy);
    return {
      kind: 'failure' as const,
      eventId,
      key: this.slotInputKey(input, fileUploadId, eventId),
      fileUploadId,
      originalFileName: `broken-${this.plan.index}-${input.index}.pdf`,
      errorCode: ERROR_CODES[input.index % ERROR_CODES.length] ?? 'UNKNOWN_VALIDATION_ERROR',
    };
  }

  private registration(input: PlacedInput) {
    const conflicting = input.kind === 'conflict';
    const { options, plan } = this;
    const slots = Array.from({ length: plan.slots }, (_, index) => this.id('essay', index, conflicting ? 1 : 0));
    return {
      kind: 'registration' as const,
      eventId: this.id('registration', 0, conflicting ? FAILURE_COPY : input.copy),
      // Registrations of a batch keep their order in either routing: which of two different ones is first decides.
      key: plan.batchId,
      essayIds: slots,
      courseCode: COURSE_CODES[plan.index % COURSE_CODES.length] ?? 'ENG5',
      userId: idOf(options, plan.index % 50, 'user', 0),
      orgId: plan.index % 3 === 0 ? null : 'org-1',
      classId: plan.index % 2 === 0 ? null : `class-${plan.index % 20}`,
      conflicting,
    };
  }

  private slotInputKey(input: PlacedInput, fileUploadId: string, eventId: string): string {
    if (this.options.routing === 'production') {
      return this.plan.batchId;
    }
    return input.copyKind === 'resent' ? eventId : fileUploadId;
  }

  private id(kind: Parameters<typeof idOf>[2], index: number, copy = 0): string {
    return idOf(this.options, this.plan.index, kind, index, copy);
  }
}
