/**
 * Where the consumer group is and where its topics end. Guarantees: what is written down is in the order in which it was
 * true. Looks may overlap, and one that is slow may end behind a later one: it writes nothing then.
 */
import type { Admin } from 'kafkajs';
import { readCommitted } from '../../cluster/kafka-client.ts';
import type { Journal } from '../journal.ts';

export interface OffsetLooksOptions {
  readonly journal: Pick<Journal, 'clock' | 'offset' | 'metric'>;
  readonly consumerGroup: string;
  /** Inbound topics. */
  readonly topics: readonly string[];
}

export class OffsetLooks {
  private readonly options: OffsetLooksOptions;
  private begun = 0;
  private written = 0;

  constructor(options: OffsetLooksOptions) {
    this.options = options;
  }

  /** Returns how many records the group has before it. */
  async look(admin: Admin): Promise<number> {
    const { consumerGroup: group, topics, journal } = this.options;
    const number = ++this.begun;
    const committed = await readCommitted(admin, group, topics);
    const at = journal.clock.now();
    let lag = 0;
    const samples = [];
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        const position = committed.get(`${topic}/${partition}`) ?? null;
        const end = Number(high);
        lag += Math.max(0, end - (position ?? Number(low)));
        samples.push({ group, topic, partition, committed: position, end });
      }
    }
    if (number < this.written) return lag;
    this.written = number;
    for (const sample of samples) journal.offset(sample, at);
    journal.metric('run', 'lag_records', lag);
    return lag;
  }
}
