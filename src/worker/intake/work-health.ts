/**
 * Whether work flows. It does not when nothing was resolved for long while records were tried again and again, whatever
 * the dependencies say of themselves: rights are missing, the disk is full, every statement meets its time limit. Then
 * it has a reason, for the probes and an alert; the process goes on trying, because a new one would fare no better.
 *
 * One record or batch in trouble is not enough where it may be its own fault: a record that cannot be set aside, a batch
 * whose transaction is obstructed. A batch that somebody holds counts for nothing. Times are monotonic.
 */
import type { ParkedBatches } from '../settle/parked-batches.ts';

/** Longer than the restart or failover of a dependency. */
const TROUBLE_MS_MAX = 20_000;
/** Retries come more often than this; after it, what was tried belongs to somebody else. */
const FORGET_MS = 15_000;
const SEVERAL = 2;

export interface WorkHealthDeps {
  readonly parked: Pick<ParkedBatches, 'obstructed'>;
  readonly now?: () => number;
}

export class WorkHealth {
  private readonly parked: WorkHealthDeps['parked'];
  private readonly now: () => number;
  private resolvedAtMs: number;
  private retries: { readonly sinceMs: number; lastMs: number; reason: string } | undefined;
  private readonly setAsideIn = new Set<string>();

  constructor(deps: WorkHealthDeps) {
    this.parked = deps.parked;
    this.now = deps.now ?? (() => performance.now());
    this.resolvedAtMs = this.now();
  }

  /** A record was resolved: whatever was in the way, it is not in everybody's. */
  resolved(nowMs: number): void {
    this.resolvedAtMs = nowMs;
    this.retries = undefined;
    if (this.setAsideIn.size > 0) this.setAsideIn.clear();
  }

  /** Records must be tried again, and no data is to blame. */
  retried(error: Error): void {
    const nowMs = this.now();
    const former = this.retries;
    const sinceMs = former === undefined || nowMs - former.lastMs > FORGET_MS ? nowMs : former.sinceMs;
    this.retries = { sinceMs, lastMs: nowMs, reason: error.message };
  }

  /** A record of this partition could not be set aside. */
  notSetAside(partition: string, error: Error): void {
    this.setAsideIn.add(partition);
    if (this.setAsideIn.size >= SEVERAL) this.retried(error);
  }

  /** Null while work flows, or has not stood still for long. */
  reason(): string | null {
    const nowMs = this.now();
    const { retries } = this;
    if (retries !== undefined && nowMs - retries.lastMs <= FORGET_MS && nowMs - retries.sinceMs > TROUBLE_MS_MAX) {
      return `nothing could be resolved for ${seconds(nowMs - retries.sinceMs)}: ${retries.reason}`;
    }
    const { count, sinceMs } = this.parked.obstructed();
    const stoodStillMs = nowMs - Math.max(sinceMs, this.resolvedAtMs);
    if (count < SEVERAL || stoodStillMs <= TROUBLE_MS_MAX) return null;
    return `nothing could be resolved for ${seconds(stoodStillMs)}: transactions on ${count} batches meet conflicts or time limits`;
  }
}

function seconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}
