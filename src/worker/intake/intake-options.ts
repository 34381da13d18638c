/** What the intake needs, its limits, and what it tells of itself. */
import type { PoisonMarkStore, RecordSource, TopicPartition } from '../../domain/ports.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { HandleGroup } from '../settle/handle-group.ts';
import type { ParkedBatches } from '../settle/parked-batches.ts';
import type { OwnedPartitionsOptions } from './owned-partitions.ts';

export interface IntakeOptions extends OwnedPartitionsOptions {
  readonly groupSizeMax: number;
  /** How long the first record of an incomplete group waits while another group is in flight. */
  readonly groupAgeMaxMs: number;
  readonly groupsInFlightMax: number;
  readonly commitIntervalMs: number;
  /** How long `stop` waits for groups in flight. */
  readonly drainDeadlineMs: number;
}

export interface IntakeDeps {
  readonly source: RecordSource;
  readonly handler: Pick<HandleGroup, 'handle' | 'setAside'>;
  /** The handler parks batches here, and their records are kept until it is time to try them again. */
  readonly parked: ParkedBatches;
  readonly poisonMarks: PoisonMarkStore;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly options: IntakeOptions;
  /** The intake has stopped cutting groups for good; the process must end. Called at most once. */
  readonly onFatal: (error: Error) => void;
}

/** Times are monotonic (`performance.now()`). */
export interface IntakeState {
  readonly assigned: boolean;
  readonly epoch: number | null;
  readonly bufferedCount: number;
  readonly inFlightCount: number;
  /** When a record was last resolved; the start of the intake before the first one. */
  readonly lastProgressAtMs: number;
  /** What every record has come to since the last one was resolved; null when nothing had to be retried since. */
  readonly trouble: { readonly sinceMs: number; readonly error: Error } | null;
}

export interface PartitionActivity extends TopicPartition {
  /** When a record was last answered, be it with a retry, or a dependency was last known to fail. */
  readonly lastAnswerAtMs: number;
}
