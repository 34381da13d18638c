import { DEFAULT_LOAD, type LoadOptions } from '../../../distributed/generator/load-options.ts';
import type { Manifest } from '../../../distributed/generator/manifest.ts';
import { type PlannedInput, planLoad } from '../../../distributed/generator/plan.ts';

/**
 * The tables and output records that a correct service leaves behind after a load, made by processing it one input
 * after the other. Everything is mutable, so that a test can plant a fault.
 */
export function sampleOutcome(options: Partial<LoadOptions> = {}) {
  const load = planLoad({ ...DEFAULT_LOAD, batches: 6, slots: 5, conflictPercent: 50, seed: 7, ...options });
  const sample = new SampleService();
  for (const input of load.inputs()) {
    sample.handle(input);
  }
  const { tables, outputs } = sample;
  return { manifest: load.manifest, tables, outputs, conditions: NO_FAULTS };
}

export type SampleOutcome = ReturnType<typeof sampleOutcome>;

export const NO_FAULTS = { faultsHappened: false, foreignBatchesAllowed: false };

type Registration = Extract<PlannedInput, { kind: 'registration' }>;
type SlotInput = Exclude<PlannedInput, Registration>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Rows<T extends keyof import('../../../distributed/outcome/tables.ts').Tables> =
  import('../../../distributed/outcome/tables.ts').Tables[T] extends readonly (infer Row)[] ? Mutable<Row>[] : never;
type Records<T extends keyof import('../../../distributed/outcome/outputs.ts').Outputs> =
  import('../../../distributed/outcome/outputs.ts').Outputs[T] extends readonly (infer Row)[] ? Mutable<Row>[] : never;

class SampleService {
  readonly tables = {
    batches: [] as Rows<'batches'>,
    slots: [] as Rows<'slots'>,
    pendingInputs: [] as Rows<'pendingInputs'>,
    excessContents: [] as Rows<'excessContents'>,
    failures: [] as Rows<'failures'>,
    outbox: { unpublished: 0, dead: 0 },
  };
  readonly outputs = {
    slotAssigned: [] as Records<'slotAssigned'>,
    excess: [] as Records<'excess'>,
    completed: [] as Records<'completed'>,
    deadLetters: [] as Records<'deadLetters'>,
    malformed: [] as string[],
  };
  private readonly registrations = new Map<string, string>();
  private readonly waiting: SlotInput[] = [];
  private readonly seen = new Set<string>();
  private records = 0;

  handle(input: PlannedInput): void {
    if (input.kind === 'registration') {
      this.register(input);
      return;
    }
    const identity = input.kind === 'content' ? input.textStorageId : input.fileUploadId;
    if (!this.seen.has(identity)) {
      this.seen.add(identity);
      if (this.registrations.has(input.batchId)) {
        this.place(input);
      } else {
        this.waiting.push(input);
      }
    }
  }

  private register(input: Registration): void {
    const known = this.registrations.get(input.batchId);
    if (known !== undefined) {
      if (known !== input.essayIds.join()) {
        const origin = `registered/0@${this.records}`;
        const reason = 'conflicting_registration';
        this.outputs.deadLetters.push({ at: this.nextPlace('dlq'), reason, origin, batchId: input.batchId });
      }
      return;
    }
    this.registrations.set(input.batchId, input.essayIds.join());
    const { batchId, courseCode, userId, correlationId } = input;
    const slots = input.essayIds.length;
    const counts = { expectedCount: slots, openSlots: slots, filledCount: 0, failedCount: 0, version: 0 };
    const registered = { courseCode, userId, correlationId, completedAtMs: null };
    this.tables.batches.push({ id: batchId, state: 'open', ...counts, ...registered });
    const empty = { textStorageId: null, fileUploadId: null, originalFileName: null };
    input.essayIds.forEach((essayId, position) => {
      const open = { status: 'open', assignedBy: null, batchVersion: null };
      this.tables.slots.push({ essayId, batchId, position, ...empty, ...open });
    });
    for (const input of this.waiting.filter((input) => input.batchId === batchId)) {
      this.place(input);
    }
  }

  private place(input: SlotInput): void {
    const { batchId, fileUploadId, originalFileName } = input;
    const batch = this.tables.batches.find((row) => row.id === batchId);
    const slot = this.tables.slots.find((row) => row.batchId === batchId && row.status === 'open');
    if (input.kind === 'failure') {
      this.tables.failures.push({ batchId, fileUploadId, essayId: slot?.essayId ?? null });
    } else if (slot === undefined) {
      const content = { batchId, textStorageId: input.textStorageId, originalFileName };
      this.tables.excessContents.push(content);
      this.outputs.excess.push({ ...this.record('excess', batchId, batchId), ...content });
    }
    if (slot === undefined || batch === undefined) {
      return;
    }
    batch.openSlots--;
    batch.version++;
    slot.batchVersion = batch.version;
    slot.assignedBy = 'worker-1';
    if (input.kind === 'failure') {
      slot.status = 'failed';
      batch.failedCount++;
    } else {
      const content = { textStorageId: input.textStorageId, fileUploadId, originalFileName };
      Object.assign(slot, { status: 'filled', ...content });
      batch.filledCount++;
      const record = this.record('assigned', slot.essayId, batchId);
      this.outputs.slotAssigned.push({ ...record, essayId: slot.essayId, ...content });
    }
    if (batch.openSlots === 0) {
      this.complete(batch);
    }
  }

  private complete(batch: Rows<'batches'>[number]): void {
    batch.state = 'complete';
    batch.completedAtMs = 1;
    const filled = this.tables.slots.filter((slot) => slot.batchId === batch.id && slot.status === 'filled');
    this.outputs.completed.push({
      ...this.record('completed', batch.id, batch.id),
      provisionedCount: filled.length,
      expectedCount: batch.expectedCount,
      courseCode: batch.courseCode ?? '',
      userId: batch.userId ?? '',
      correlationId: batch.correlationId ?? '',
      essays: filled.map(({ essayId, textStorageId }) => ({ essayId, textStorageId: textStorageId ?? '' })),
    });
  }

  private record(topic: string, key: string, batchId: string) {
    const at = this.nextPlace(topic);
    return { at, timestampMs: 2, key, eventId: `event-${at}`, digest: `digest-${at}`, batchId };
  }

  private nextPlace(topic: string): string {
    return `${topic}/0@${this.records++}`;
  }
}

/** A batch whose outcome the tests can spoil: complete, with excess, failures and a refused registration. */
export function richBatch(manifest: Manifest): string {
  const rich = manifest.batches.find((batch) => batch.conflicts > 0 && batch.failed.max > 0 && batch.filled.min > 1);
  if (rich === undefined) {
    throw new Error('the sample has no rich batch');
  }
  return rich.batchId;
}
