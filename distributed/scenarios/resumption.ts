/**
 * From a fault to work as before, partition by partition: when the first record that a broker took afterwards was settled,
 * and when the first event was written again. Of partitions in which something went on all the time, so that a partition
 * with nothing to do is not taken for one that is stuck; their brokers say when they took a record.
 */
import type { Topics } from '../../src/contract/topics.ts';
import type { PositionWatch } from '../engine/measure/position-watch.ts';
import type { RunDirectory, TopicFile } from '../run/run-directory.ts';

export interface Resumed {
  /** Partitions with records before and after: what the fault met. */
  readonly partitions: number;
  /** Of the last of them, from the instant asked about. */
  readonly afterMs: number;
}

export interface Resumption {
  /** Inputs in Kafka again, by whoever sends them. */
  readonly sent: Resumed;
  readonly consumed: Resumed;
  readonly published: Resumed;
}

export interface Instants {
  readonly brokenAtMs: number;
  /** From here on something counts as new: the fault has begun, or is over. */
  readonly fromMs: number;
}

/** Of contents and of their slots, which are what there is most of. */
export async function readResumption(
  directory: Pick<RunDirectory, 'readTopic'>,
  topics: Pick<Topics, 'content' | 'slotAssigned'>,
  positions: Pick<PositionWatch, 'settledAtMs'>,
  instants: Instants,
): Promise<Resumption> {
  const { content, slotAssigned } = topics;
  const { fromMs } = instants;
  const inputs = await firstRecords(directory, 'in', content, instants);
  const events = await firstRecords(directory, 'out', slotAssigned, instants);
  const settledAt = inputs.map(({ partition, offset }) => {
    return positions.settledAtMs(content, partition, offset) ?? Number.POSITIVE_INFINITY;
  });
  return {
    sent: resumed(timesOf(inputs), fromMs),
    consumed: resumed(settledAt, fromMs),
    published: resumed(timesOf(events), fromMs),
  };
}

interface FirstRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

/** By partition that had records before the fault as well: its first one from the instant on. */
async function firstRecords(
  directory: Pick<RunDirectory, 'readTopic'>,
  file: TopicFile,
  topic: string,
  { brokenAtMs, fromMs }: Instants,
): Promise<readonly FirstRecord[]> {
  const busy = new Set<number>();
  const first = new Map<number, FirstRecord>();
  for await (const record of directory.readTopic(file)) {
    if (record.topic !== topic) continue;
    const { partition, offset, timestampMs } = record;
    if (timestampMs < brokenAtMs) busy.add(partition);
    if (timestampMs < fromMs || (first.get(partition)?.offset ?? Number.POSITIVE_INFINITY) < offset) continue;
    first.set(partition, { partition, offset, timestampMs });
  }
  return [...first.values()].filter(({ partition }) => busy.has(partition));
}

const timesOf = (records: readonly FirstRecord[]) => records.map(({ timestampMs }) => timestampMs);

function resumed(atMs: readonly number[], fromMs: number): Resumed {
  return { partitions: atMs.length, afterMs: Math.max(0, ...atMs.map((each) => each - fromMs)) };
}

export interface Window {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Events that stand in Kafka more than once, and those of them whose first copy was written while nothing was wrong. */
export async function readDoubled(
  directory: Pick<RunDirectory, 'readTopic'>,
  wrong: readonly Window[],
): Promise<{ readonly events: number; readonly doubled: number; readonly needless: number }> {
  const firstAtMs = new Map<string, number>();
  const doubled = new Set<string>();
  for await (const { headers, timestampMs } of directory.readTopic('out')) {
    const id = headers['event_id'] ?? '';
    if (firstAtMs.has(id)) doubled.add(id);
    else firstAtMs.set(id, timestampMs);
  }
  const isNeedless = (id: string) => {
    const atMs = firstAtMs.get(id) ?? 0;
    return !wrong.some(({ fromMs, untilMs }) => fromMs <= atMs && atMs <= untilMs);
  };
  return { events: firstAtMs.size, doubled: doubled.size, needless: [...doubled].filter(isNeedless).length };
}
