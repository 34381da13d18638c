/** Counts the records that were deleted before they were read, and tells of it once for every partition. */
import type { TopicPartition } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { keyOf } from './consumer-epoch.ts';

export class UnreadRecords {
  private readonly metrics: Metrics;
  private readonly log: Logger;
  private readonly told = new Set<string>();

  constructor({ metrics, log }: { metrics: Metrics; log: Logger }) {
    this.metrics = metrics;
    this.log = log;
  }

  /** Offsets stand for records: of compacted or transactional logs these are somewhat more. */
  deleted({ topic, partition }: TopicPartition, offsetFrom: number, offsetEnd: number): void {
    const count = offsetEnd - offsetFrom;
    if (count <= 0) return;
    this.metrics.recordsDeletedUnread.inc(count);
    const fields = { topic, partition, offsetFrom, offsetEnd, count };
    const isTold = this.told.has(keyOf({ topic, partition }));
    this.told.add(keyOf({ topic, partition }));
    if (isTold) this.log.debug(fields, 'more records were deleted from the log before they were read');
    else this.log.error(fields, 'records were deleted from the log before they were read; going on behind them');
  }
}
