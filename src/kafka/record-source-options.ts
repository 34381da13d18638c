/** What a record source needs and may be told. */
import type { Kafka } from 'kafkajs';
import type { MessagePublisher, PartitionProgressStore } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface RecordSourceOptions {
  /** A client of its own, created with CONSUMER_RECONNECT_MS_MAX. */
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Takes the record batches that cannot be decompressed. */
  readonly deadLetters: Pick<MessagePublisher, 'publishDeadLetters'>;
  /** Is told every position before Kafka, and asked where to begin. */
  readonly progress: PartitionProgressStore;
  readonly sessionTimeoutMs?: number;
  readonly rebalanceTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  /** How long a fetch waits for records; rebalances and stops are noticed only between fetches. */
  readonly maxWaitMs?: number;
  /** The same after a while without records, each fetch of nothing being work for worker and broker. */
  readonly idleWaitMs?: number;
  /** How long a fetch waits for more records where the former one brought some. */
  readonly gatherMs?: number;
  readonly answerBytesMax?: number;
  readonly partitionBytesMax?: number;
  /** For ever if not given: a new process would find the same brokers away, and nobody is served while it starts. */
  readonly outageMsMax?: number;
  /** How long a rebalance waits for the listener. No heartbeat is sent meanwhile, so well below the session. */
  readonly yieldMsMax?: number;
  readonly stopMsMax?: number;
}

export function withDefaults(options: RecordSourceOptions): Required<RecordSourceOptions> {
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 30_000;
  return {
    sessionTimeoutMs,
    rebalanceTimeoutMs: 2 * sessionTimeoutMs,
    yieldMsMax: Math.floor(sessionTimeoutMs / 3),
    heartbeatIntervalMs: Math.floor(sessionTimeoutMs / 10),
    maxWaitMs: 100,
    idleWaitMs: 1000,
    gatherMs: 15,
    answerBytesMax: 8 * 1024 * 1024,
    partitionBytesMax: 1024 * 1024,
    outageMsMax: Number.POSITIVE_INFINITY,
    stopMsMax: 10_000,
    ...options,
  };
}
