/** What a contestant wrote to Kafka: how much so far while it works, every record with its time afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { withAdmin } from '../cluster/kafka-client.ts';
import { readTopics } from '../collect/read-topics.ts';
import type { Arena } from './arena.ts';

const POLL_INTERVAL_MS = 200;
/** So long without any new event, and nothing more is expected. */
const STALL_MS_MAX = 60_000;
const READ_MS_MAX = 120_000;

export interface Output {
  readonly timestampMs: number;
  readonly value: string;
}

/** Resolves when so many events are there, or none has come for long: what is missing is then for the verification. */
export async function untilWritten(arena: Arena, events: number, signal: AbortSignal): Promise<void> {
  await withAdmin(arena.kafka, async (admin) => {
    let [before, changedAtMs] = [0, performance.now()];
    for (;;) {
      let written = 0;
      for (const topic of [arena.topics.slotAssigned, arena.topics.completed]) {
        for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
          written += Number(high) - (arena.outputsFrom.get(`${topic}/${partition}`) ?? 0);
        }
      }
      if (written >= events) return;
      signal.throwIfAborted();
      const nowMs = performance.now();
      if (written !== before) [before, changedAtMs] = [written, nowMs];
      if (nowMs - changedAtMs > STALL_MS_MAX) return;
      await sleep(POLL_INTERVAL_MS);
    }
  });
}

/** In order of time. */
export async function readOutputs(arena: Arena): Promise<Output[]> {
  const outputs: Output[] = [];
  const { slotAssigned, completed, excess } = arena.topics;
  await readTopics({
    kafka: arena.kafka,
    topics: [slotAssigned, completed, excess],
    deadlineMs: READ_MS_MAX,
    onRecord: ({ topic, partition, offset, timestampMs, value }) => {
      if (Number(offset) < (arena.outputsFrom.get(`${topic}/${partition}`) ?? 0)) return;
      outputs.push({ timestampMs, value: value?.toString() ?? '' });
    },
  });
  return outputs.sort((one, other) => one.timestampMs - other.timestampMs);
}

/** Events per second between two shares of all of them; null where that is no time at all. */
export function steadyRate(timesMs: readonly number[], fromShare: number, toShare: number): number | null {
  const [from, to] = [Math.floor(timesMs.length * fromShare), Math.ceil(timesMs.length * toShare) - 1];
  const elapsedMs = (timesMs[to] ?? 0) - (timesMs[from] ?? 0);
  return elapsedMs <= 0 ? null : ((to - from) / elapsedMs) * 1_000;
}
