/**
 * What each fetch asks for, from what the former ones brought. One that follows records gathers for a moment, because a
 * group of three records costs little more than one of a single record; one that follows nothing is answered by the first
 * record, so what comes alone is never late; and after a while without any it may wait long, each fetch of nothing being
 * work for worker and broker. How much it asks for is what the line carries.
 */
import { AnswerSize } from './answer-size.ts';

/** By the names of kafkajs. */
export interface FetchTerms {
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytesPerPartition: number;
}

export interface FetchPacingOptions {
  readonly maxWaitMs: number;
  /** What has to wait for its end is a stop or a rebalance, and the heartbeats between fetches are rarer than that. */
  readonly idleWaitMs: number;
  /** So long a fetch that follows records waits for more; 0 for not at all. */
  readonly gatherMs: number;
  readonly partitionBytesMax: number;
}

const IDLE_AFTER_MS = 5_000;
/** A few dozen inputs: enough to share the fixed cost of a group. */
const GATHERED_BYTES = 32 * 1024;

export class FetchPacing {
  private readonly options: FetchPacingOptions;
  private readonly answerSize: AnswerSize;
  private activeAtMs = performance.now();
  private hasBroughtRecords = false;

  constructor(options: FetchPacingOptions) {
    this.options = options;
    this.answerSize = new AnswerSize(options.partitionBytesMax);
  }

  /** Of the next fetch. What is paused is to be read as soon as it is resumed. */
  next(isPaused: boolean): FetchTerms {
    const { maxWaitMs, idleWaitMs, gatherMs } = this.options;
    const maxBytesPerPartition = this.answerSize.partitionBytesMax;
    const gathers = this.hasBroughtRecords && gatherMs > 0;
    this.hasBroughtRecords = false;
    if (gathers) return { maxWaitTime: Math.min(gatherMs, maxWaitMs), minBytes: GATHERED_BYTES, maxBytesPerPartition };
    const isIdle = performance.now() - this.activeAtMs > IDLE_AFTER_MS && !isPaused;
    return { maxWaitTime: isIdle ? idleWaitMs : maxWaitMs, minBytes: 1, maxBytesPerPartition };
  }

  /** A fetch took so long, its wait for records included. */
  answered(durationMs: number): void {
    this.answerSize.answered(durationMs);
  }

  broughtRecords(): void {
    this.hasBroughtRecords = true;
    this.activeAtMs = performance.now();
  }

  /** The next fetch is to be another one than the last. */
  moved(): void {
    this.activeAtMs = performance.now();
  }
}
