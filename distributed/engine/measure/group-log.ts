/** Every rebalance of a consumer group, as the brokers that coordinated it wrote it into their logs. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const BEGINNING = /Preparing to rebalance group (\S+) in state \S+ with old generation (\d+) \(reason: ([^;)]*)/;
/** Reasons name members, which would make each another. */
const MEMBER = /\S+-[0-9a-f]{8}-[0-9a-f-]{27}\S*/g;

export interface Rebalance {
  /** The one that it ended. */
  readonly generation: number;
  readonly reason: string;
}

export async function readRebalances(logFiles: readonly string[], group: string): Promise<readonly Rebalance[]> {
  const found: Rebalance[] = [];
  for (const file of logFiles) {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      const [, name, generation, reason = ''] = BEGINNING.exec(line) ?? [];
      if (name !== group) continue;
      found.push({ generation: Number(generation), reason: reason.replaceAll(MEMBER, '…').trim() });
    }
  }
  return found;
}
