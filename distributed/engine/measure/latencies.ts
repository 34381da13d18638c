/**
 * Latencies of a part from its evidence: from the time an input was due to the moment its effect lay in Kafka, by the
 * broker's clock, which is this machine's. What was sent in the warm-up does not count.
 */
import { readOutput } from '../../judge/evidence/output-records.ts';
import { type LatencyInterval, LatencyRecorder, percentileMs } from '../../run/latency-log.ts';
import { inputValueSchema } from '../../run/records.ts';
import type { RunDirectory } from '../../run/run-directory.ts';

export interface PartLatencies {
  /** From the input that made a batch completable to its completion. */
  readonly completion: LatencyRecorder;
  /** From the first record of a content to its slot-assigned event. */
  readonly assignment: LatencyRecorder;
}

export async function measureLatencies(directory: RunDirectory): Promise<PartLatencies> {
  const due = await readDueTimes(directory, await loadStartMs(directory));
  const latencies = { completion: new LatencyRecorder(), assignment: new LatencyRecorder() };
  const seen = new Set<string>();
  for await (const record of directory.readTopic('out')) {
    const output = readOutput(record);
    if (output.kind === 'completed') note(latencies.completion, output.batchId, record.timestampMs, due.batches, seen);
    if (output.kind === 'slotAssigned') {
      const key = contentKey(output.batchId, output.textStorageId);
      note(latencies.assignment, key, record.timestampMs, due.contents, seen);
    }
  }
  return latencies;
}

export async function writeLatencies(directory: RunDirectory, latencies: PartLatencies): Promise<void> {
  const byName: [string, LatencyInterval[]][] = [
    ['completion', latencies.completion.toIntervals()],
    ['slot-assigned', latencies.assignment.toIntervals()],
  ];
  for (const [name, intervals] of byName) {
    if (intervals.length > 0) await directory.writeLatencies(name, intervals);
  }
}

/** Null where nothing was recorded. */
export function percentileOf(recorder: LatencyRecorder, percentile: number): number | null {
  const total = recorder.total();
  return total.totalCount === 0 ? null : percentileMs(total, percentile);
}

interface DueTimes {
  readonly batches: ReadonlyMap<string, number>;
  readonly contents: ReadonlyMap<string, number>;
}

async function readDueTimes(directory: RunDirectory, fromMs: number): Promise<DueTimes> {
  const batches = new Map<string, number>();
  const contents = new Map<string, number>();
  for await (const { type, f, key, value, wallMs } of directory.readHistory()) {
    if (type !== 'invoke' || wallMs < fromMs || f === 'raw') continue;
    const input = inputValueSchema.parse(value);
    if (input['completes'] === true) batches.set(key, input.dueWallMs);
    if (input.textStorageId === undefined) continue;
    const content = contentKey(key, input.textStorageId);
    if (!contents.has(content)) contents.set(content, input.dueWallMs);
  }
  return { batches, contents };
}

async function loadStartMs(directory: RunDirectory): Promise<number> {
  for await (const { name, wallMs } of directory.readPhases()) {
    if (name === 'load') return wallMs;
  }
  return 0;
}

function note(
  recorder: LatencyRecorder,
  key: string,
  atMs: number,
  due: ReadonlyMap<string, number>,
  seen: Set<string>,
): void {
  const dueMs = due.get(key);
  // A copy of an event is not a second effect.
  if (dueMs === undefined || seen.has(key)) return;
  seen.add(key);
  recorder.record(atMs - dueMs, atMs);
}

function contentKey(batchId: string, textStorageId: string): string {
  return `${batchId} ${textStorageId}`;
}
