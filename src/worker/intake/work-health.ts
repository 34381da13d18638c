/**
 * Whether work flows. It does not when nothing was resolved for long while records were tried again and again, whatever
 * the dependencies say of themselves: rights are missing, the disk is full, every statement meets its time limit. Then
 * it has a reason, for the probes and an alert; the process goes on trying, because a new one would fare no better.
 *
 * A full disk is told at once: no dependency tells of it, for everything can still be read, so that what is known already
 * is resolved all the time; and it does not pass by itself.
 *
 * One record or batch in trouble is not enough where it may be its own fault: a record that cannot be set aside, a batch
 * whose transaction is obstructed. A batch that somebody holds counts for nothing. Times are monotonic.
 */
import { AppError } from '../../errors.ts';
import type { ParkedBatches } from '../settle/parked-batches.ts';

/** Longer than the restart or failover of a dependency. */
const TROUBLE_MS_MAX = 20_000;
/** Retries come more often than this; after it, what was tried belongs to somebody else. */
const FORGET_MS = 15_000;
const SEVERAL = 2;
/** One refusal may be of a statement that wanted a lot; who is refused for so long meets a disk that is full. */
const FULL_MS_MIN = 1_000;
/** Retries of a partition come every 5 s at the latest; none was refused in this time: there is space again. */
const FULL_FORGET_MS = 7_000;

export interface WorkHealthDeps {
  readonly parked: Pick<ParkedBatches, 'obstructed'>;
  readonly now?: () => number;
}

export class WorkHealth {
  private readonly parked: WorkHealthDeps['parked'];
  private readonly now: () => number;
  private resolvedAtMs: number;
  private retries: { readonly sinceMs: number; readonly lastMs: number; readonly reason: string } | undefined;
  private full: { readonly sinceMs: number; readonly lastMs: number; readonly reason: string } | undefined;
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
    this.retries = { sinceMs: sinceWhen(this.retries, nowMs, FORGET_MS), lastMs: nowMs, reason: error.message };
    if (error instanceof AppError && error.code === 'STORE_FULL') {
      this.full = { sinceMs: sinceWhen(this.full, nowMs, FULL_FORGET_MS), lastMs: nowMs, reason: error.message };
    }
  }

  /** A record of this partition could not be set aside. */
  notSetAside(partition: string, error: Error): void {
    this.setAsideIn.add(partition);
    if (this.setAsideIn.size >= SEVERAL) this.retried(error);
  }

  /** Null while work flows, or has not stood still for long. */
  reason(): string | null {
    const nowMs = this.now();
    const { retries, full } = this;
    if (full !== undefined && nowMs - full.lastMs <= FULL_FORGET_MS && nowMs - full.sinceMs >= FULL_MS_MIN) {
      return `the database has no space left, for ${seconds(nowMs - full.sinceMs)}: ${full.reason}`;
    }
    if (retries !== undefined && nowMs - retries.lastMs <= FORGET_MS && nowMs - retries.sinceMs > TROUBLE_MS_MAX) {
      return `nothing could be resolved for ${seconds(nowMs - retries.sinceMs)}: ${retries.reason}`;
    }
    const { count, sinceMs } = this.parked.obstructed();
    const stoodStillMs = nowMs - Math.max(sinceMs, this.resolvedAtMs);
    if (count < SEVERAL || stoodStillMs <= TROUBLE_MS_MAX) return null;
    return `nothing could be resolved for ${seconds(stoodStillMs)}: transactions on ${count} batches meet conflicts or time limits`;
  }
}

/** Of what is repeated: when it began, unless it was over in between. */
function sinceWhen(
  former: { readonly sinceMs: number; readonly lastMs: number } | undefined,
  nowMs: number,
  forgetMs: number,
): number {
  return former === undefined || nowMs - former.lastMs > forgetMs ? nowMs : former.sinceMs;
}

function seconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}
