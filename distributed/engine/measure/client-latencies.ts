/** How long clients of gateways waited, from what they wrote down and the times of the slots in the database. */
import { liveMessage } from '../../../src/contract/live.ts';
import { slotRow } from '../../judge/evidence/rows.ts';
import type { AnswerRecord } from '../../run/client-record.ts';
import { LatencyRecorder } from '../../run/latency-log.ts';
import type { RunDirectory } from '../../run/run-directory.ts';

/** By the wall clock. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export const ALWAYS: Window = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

/**
 * From the transaction that took a slot, from its beginning, until a client heard of it; slots taken in the window.
 * Snapshots do not count: who gets one was not there when it happened.
 */
export async function changeLatencies(directory: RunDirectory, { fromMs, toMs }: Window): Promise<LatencyRecorder> {
  const takenAtMs = new Map<string, number>();
  for await (const row of directory.readTable('slots')) {
    const { batchId, batchVersion, assignedAtMs } = slotRow.parse(row);
    if (assignedAtMs !== null) takenAtMs.set(`${batchId} ${batchVersion}`, assignedAtMs);
  }
  const latencies = new LatencyRecorder();
  const versionsIn = new Map<string, readonly string[]>();
  for await (const record of directory.readClients()) {
    if (record.what !== 'told') continue;
    const versions = versionsIn.get(record.text) ?? changedVersions(record.text);
    versionsIn.set(record.text, versions);
    for (const version of versions) {
      const atMs = takenAtMs.get(version);
      if (atMs === undefined || atMs < fromMs || atMs > toMs) continue;
      latencies.record(record.wallMs - atMs, record.wallMs);
    }
  }
  return latencies;
}

function changedVersions(text: string): readonly string[] {
  const message = liveMessage.parse(JSON.parse(text));
  if (message.type !== 'changes') return [];
  return message.slots.map(({ version }) => `${message.batch_id} ${version}`);
}

/** Of those answers that count. */
export async function answerLatencies(
  directory: RunDirectory,
  isCounted: (answer: AnswerRecord) => boolean,
): Promise<LatencyRecorder> {
  const latencies = new LatencyRecorder();
  for await (const record of directory.readClients()) {
    if (record.what === 'answer' && isCounted(record)) latencies.record(record.tookMs, record.wallMs);
  }
  return latencies;
}
