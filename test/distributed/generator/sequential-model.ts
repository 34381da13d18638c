import type { PlannedInput } from '../../../distributed/generator/plan.ts';

/**
 * The service's rules in their simplest form: one input after the other, no concurrency, nothing shared with the
 * planner. Counts what the manifest predicts.
 */
export interface ModelBatch {
  expected: number | null;
  essays: string;
  readonly contents: Set<string>;
  readonly failures: Set<string>;
  pending: ('content' | 'failure')[];
  filled: number;
  failed: number;
  excess: number;
  refused: number;
  complete: boolean;
  completedBy: string | null;
}

export function outcomeInOrder(inputs: Iterable<PlannedInput>): Map<string, ModelBatch> {
  const batches = new Map<string, ModelBatch>();
  for (const input of inputs) {
    const batch = batches.get(input.batchId) ?? unknownBatch();
    batches.set(input.batchId, batch);
    apply(batch, input);
    if (!batch.complete && batch.expected !== null && batch.filled + batch.failed === batch.expected) {
      batch.complete = true;
      batch.completedBy = input.eventId;
    }
  }
  return batches;
}

function apply(batch: ModelBatch, input: PlannedInput): void {
  if (input.kind === 'registration') {
    register(batch, input.essayIds);
    return;
  }
  const known = input.kind === 'content' ? batch.contents : batch.failures;
  const identity = input.kind === 'content' ? input.textStorageId : input.fileUploadId;
  if (known.has(identity)) {
    return;
  }
  known.add(identity);
  if (batch.expected === null) {
    batch.pending.push(input.kind);
  } else {
    place(batch, input.kind);
  }
}

function register(batch: ModelBatch, essayIds: readonly string[]): void {
  const essays = essayIds.join();
  if (batch.expected !== null) {
    batch.refused += essays === batch.essays ? 0 : 1;
    return;
  }
  batch.expected = essayIds.length;
  batch.essays = essays;
  for (const kind of batch.pending) {
    place(batch, kind);
  }
  batch.pending = [];
}

function place(batch: ModelBatch, kind: 'content' | 'failure'): void {
  const open = (batch.expected ?? 0) - batch.filled - batch.failed;
  if (kind === 'content') {
    batch.filled += open > 0 ? 1 : 0;
    batch.excess += open > 0 ? 0 : 1;
  } else {
    batch.failed += open > 0 ? 1 : 0;
  }
}

function unknownBatch(): ModelBatch {
  return {
    expected: null,
    essays: '',
    contents: new Set(),
    failures: new Set(),
    pending: [],
    filled: 0,
    failed: 0,
    excess: 0,
    refused: 0,
    complete: false,
    completedBy: null,
  };
}
