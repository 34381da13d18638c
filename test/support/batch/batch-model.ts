import { isDeepStrictEqual } from 'node:util';
import {
  type Content,
  type Disposition,
  type Failure,
  type Input,
  identityOf,
  type Registration,
  type SlotInput,
} from '../../../src/domain/inputs.ts';
import {
  type BatchSnapshot,
  type BatchSystem,
  inGroupOrder,
  type PublishedEvent,
  type Snapshot,
} from './batch-system.ts';

interface ModelSlot {
  readonly essayId: string;
  status: 'open' | 'filled' | 'failed';
  content: Content | null;
  failure: Failure | null;
  version: number | null;
}

interface ModelBatch {
  readonly batchId: string;
  registration: Registration | null;
  slots: ModelSlot[];
  version: number;
  pending: SlotInput[];
  excess: Content[];
  failures: { failure: Failure; essayId: string | null }[];
}

/**
 * The oracle: the rules of batches, one input after the other, in memory, without a thought for speed or concurrency.
 * It shares no code with the product but the words of the inputs.
 */
export class BatchModel implements BatchSystem {
  private batches = new Map<string, ModelBatch>();
  private events: PublishedEvent[] = [];

  async apply(inputs: readonly Input[]): Promise<Disposition[]> {
    const dispositions = new Array<Disposition>(inputs.length);
    for (const { input, index } of inGroupOrder(inputs)) dispositions[index] = this.applyOne(input);
    return dispositions;
  }

  async snapshot(): Promise<Snapshot> {
    const batches = [...this.batches.values()].sort((a, b) => (a.batchId < b.batchId ? -1 : 1));
    return { batches: batches.map(snapshotOf), events: [...this.events] };
  }

  async reset(): Promise<void> {
    this.batches = new Map();
    this.events = [];
  }

  private applyOne(input: Input): Disposition {
    const batch = this.batches.get(input.batchId) ?? newBatch(input.batchId);
    this.batches.set(input.batchId, batch);
    return input.kind === 'registration' ? this.register(batch, input) : this.settle(batch, input);
  }

  private register(batch: ModelBatch, registration: Registration): Disposition {
    if (batch.registration !== null) return sameRequest(batch.registration, registration) ? 'duplicate' : 'rejected';
    const others = [...this.batches.values()].filter((each) => each !== batch);
    const taken = new Set(others.flatMap((each) => each.slots.map((slot) => slot.essayId)));
    if (registration.essayIds.some((essayId) => taken.has(essayId))) {
      if (batch.pending.length === 0) this.batches.delete(batch.batchId);
      return 'rejected';
    }
    batch.registration = registration;
    batch.slots = registration.essayIds.map((essayId) => ({
      essayId,
      status: 'open',
      content: null,
      failure: null,
      version: null,
    }));
    const arrived = batch.pending;
    batch.pending = [];
    for (const input of arrived) this.settle(batch, input);
    return 'registered';
  }

  private settle(batch: ModelBatch, input: SlotInput): Disposition {
    if (isKnown(batch, input)) return 'duplicate';
    if (batch.registration === null) {
      batch.pending.push(input);
      return 'pending';
    }
    return input.kind === 'content' ? this.place(batch, input) : this.fail(batch, input);
  }

  private place(batch: ModelBatch, content: Content): Disposition {
    const { batchId, correlationId, textStorageId, fileUploadId, originalFileName } = content;
    const slot = batch.slots.find((each) => each.status === 'open');
    if (slot === undefined) {
      batch.excess.push(content);
      this.events.push({ kind: 'excess', batchId, correlationId, textStorageId, originalFileName });
      return 'excess';
    }
    slot.content = content;
    this.events.push({
      kind: 'slot-assigned',
      batchId,
      correlationId,
      essayId: slot.essayId,
      textStorageId,
      fileUploadId,
      originalFileName,
    });
    this.take(batch, slot, 'filled');
    return 'assigned';
  }

  private fail(batch: ModelBatch, failure: Failure): Disposition {
    const uploadAssigned = batch.slots.some((each) => each.content?.fileUploadId === failure.fileUploadId);
    const slot = uploadAssigned ? undefined : batch.slots.find((each) => each.status === 'open');
    batch.failures.push({ failure, essayId: slot?.essayId ?? null });
    if (slot !== undefined) {
      slot.failure = failure;
      this.take(batch, slot, 'failed');
    }
    return 'failed';
  }

  private take(batch: ModelBatch, slot: ModelSlot, status: 'filled' | 'failed'): void {
    batch.version += 1;
    slot.version = batch.version;
    slot.status = status;
    if (batch.registration === null || batch.slots.some((each) => each.status === 'open')) return;
    const essays = batch.slots.flatMap(({ essayId, content }) =>
      content === null ? [] : [{ essayId, textStorageId: content.textStorageId }],
    );
    this.events.push({
      kind: 'completed',
      batchId: batch.batchId,
      correlationId: batch.registration.correlationId,
      provisionedCount: essays.length,
      expectedCount: batch.slots.length,
      courseCode: batch.registration.courseCode,
      userId: batch.registration.userId,
      essays,
    });
  }
}

function newBatch(batchId: string): ModelBatch {
  return { batchId, registration: null, slots: [], version: 0, pending: [], excess: [], failures: [] };
}

function isKnown(batch: ModelBatch, input: SlotInput): boolean {
  const same = (other: SlotInput): boolean => other.kind === input.kind && identityOf(other) === identityOf(input);
  return (
    batch.pending.some(same) ||
    batch.excess.some(same) ||
    batch.failures.some(({ failure }) => same(failure)) ||
    batch.slots.some(({ content }) => content !== null && same(content))
  );
}

/** The same slots in whatever order, for the same course, people and prompt. Correlation and trace do not matter. */
function sameRequest(a: Registration, b: Registration): boolean {
  const asked = ({ essayIds, courseCode, userId, orgId, classId, studentPromptRef }: Registration): unknown => [
    new Set(essayIds),
    courseCode,
    userId,
    orgId,
    classId,
    studentPromptRef,
  ];
  return isDeepStrictEqual(asked(a), asked(b));
}

function snapshotOf(batch: ModelBatch): BatchSnapshot {
  const count = (status: ModelSlot['status']): number => batch.slots.filter((slot) => slot.status === status).length;
  const registered = batch.registration !== null;
  return {
    batchId: batch.batchId,
    state: !registered ? 'announced' : count('open') === 0 ? 'complete' : 'open',
    expectedCount: batch.slots.length,
    openCount: count('open'),
    filledCount: count('filled'),
    failedCount: count('failed'),
    version: batch.version,
    slots: batch.slots.map((slot) => ({
      essayId: slot.essayId,
      status: slot.status,
      textStorageId: slot.content?.textStorageId ?? null,
      fileUploadId: (slot.content ?? slot.failure)?.fileUploadId ?? null,
      originalFileName: (slot.content ?? slot.failure)?.originalFileName ?? null,
      version: slot.version,
    })),
    pending: batch.pending.map((input) => ({ kind: input.kind, identity: identityOf(input) })),
    excess: batch.excess.map((content) => content.textStorageId).sort(),
    failures: batch.failures
      .map(({ failure, essayId }) => ({ fileUploadId: failure.fileUploadId, essayId }))
      .sort((a, b) => (a.fileUploadId < b.fileUploadId ? -1 : 1)),
  };
}
