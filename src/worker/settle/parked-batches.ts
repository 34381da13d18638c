/**
 * The batches of this process that were busy when they were looked at: somebody else holds their rows. What comes for a
 * parked batch waits in memory, in order, and is tried again after a backoff of the batch's own; nothing else waits for
 * it. Under contention that makes groups larger in place of slower: a batch that changed since it was parked is one that
 * others work on, and is tried again as soon as at first. Behind a lock that is held for long it costs one look now and
 * then, which waits for nobody.
 *
 *     free ── park ─▶ parked ── backoff over: release ─▶ free ─┬─ settled: forgotten
 *                       ▲── busy again: park, longer ──────────┘
 *
 * A batch that was obstructed (its transaction met a conflict or a time limit, and nobody knows on whose account) is
 * tried alone from then on, so that it is found out and the others are not tried with it. Times are monotonic.
 */
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { backoffMs } from '../../timing/backoff.ts';

/** About a transaction: who holds a batch in ordinary traffic is through in that time. */
const DELAY_MIN_MS = 4;
const DELAY_MAX_MS = 500;
/** After this long an operator should know. */
const HELD_LONG_MS = 5_000;
/** What nobody asks for any more (its partition has gone to another instance) is forgotten after this. */
const FORGET_MS = 60_000;

interface Entry {
  /** Since when it has been in the same hands, as far as can be told. */
  sinceMs: number;
  /** Of the batch, when it was looked at last; undefined while it was not seen. */
  version: number | undefined;
  failureCount: number;
  /** When it is to be tried again; null while it is free. */
  dueMs: number | null;
  releasedAtMs: number;
  isAlone: boolean;
  isTold: boolean;
}

export class ParkedBatches {
  private readonly entries = new Map<string, Entry>();
  private readonly deps: { readonly log: Logger; readonly metrics: Metrics; readonly now: () => number };

  constructor(deps: { log: Logger; metrics: Metrics; now?: () => number }) {
    this.deps = { ...deps, now: deps.now ?? (() => performance.now()) };
    // There from the start: a rate over what was never counted is no rate.
    for (const because of ['busy', 'obstructed']) deps.metrics.batchesParked.inc({ because }, 0);
    deps.metrics.atScrape(() => {
      const parked = [...this.entries.values()].filter(({ dueMs }) => dueMs !== null);
      const oldestMs = Math.min(this.deps.now(), ...parked.map(({ sinceMs }) => sinceMs));
      deps.metrics.parkedBatches.set(parked.length);
      deps.metrics.parkedOldestAge.set((this.deps.now() - oldestMs) / 1000);
    });
  }

  isParked(batchId: string): boolean {
    return this.entries.get(batchId)?.dueMs != null;
  }

  /** Whether it is to be tried in a transaction of its own. */
  isAlone(batchId: string): boolean {
    return this.entries.get(batchId)?.isAlone === true;
  }

  /** `versions`: of those that were seen. */
  park(
    batchIds: Iterable<string>,
    because: 'busy' | 'obstructed',
    versions: ReadonlyMap<string, number> = new Map(),
  ): void {
    const nowMs = this.deps.now();
    for (const batchId of batchIds) {
      const entry = this.entries.get(batchId) ?? newEntry(nowMs);
      this.entries.set(batchId, entry);
      const version = versions.get(batchId);
      if (version !== undefined && entry.version !== undefined && version !== entry.version) {
        entry.failureCount = 0;
        entry.sinceMs = nowMs;
      }
      entry.version = version ?? entry.version;
      entry.failureCount += 1;
      entry.dueMs = nowMs + backoffMs(entry.failureCount, DELAY_MIN_MS, DELAY_MAX_MS);
      entry.isAlone ||= because === 'obstructed';
      this.deps.metrics.batchesParked.inc({ because });
      if (entry.isTold || nowMs - entry.sinceMs < HELD_LONG_MS) continue;
      entry.isTold = true;
      this.deps.log.warn({ batchId, because }, 'batch is held by somebody else, its inputs wait');
    }
  }

  /** Something of each was settled: it is not in anybody's way. */
  settled(batchIds: Iterable<string>): void {
    if (this.entries.size === 0) return;
    for (const batchId of batchIds) {
      const entry = this.entries.get(batchId);
      if (entry === undefined || entry.dueMs !== null) continue;
      this.entries.delete(batchId);
      if (!entry.isTold) continue;
      const heldMs = Math.round(this.deps.now() - entry.sinceMs);
      this.deps.log.info({ batchId, heldMs }, 'batch is free again');
    }
  }

  /** Frees those whose backoff is over and names them. */
  release(nowMs: number): string[] {
    const released: string[] = [];
    for (const [batchId, entry] of this.entries) {
      if (entry.dueMs === null) {
        if (nowMs - entry.releasedAtMs > FORGET_MS) this.entries.delete(batchId);
      } else if (entry.dueMs <= nowMs) {
        entry.dueMs = null;
        entry.releasedAtMs = nowMs;
        released.push(batchId);
      }
    }
    return released;
  }

  /** Batches that conflicts or time limits keep from being settled, and since when the first of them was parked. */
  obstructed(): { count: number; sinceMs: number } {
    let [count, sinceMs] = [0, Number.POSITIVE_INFINITY];
    for (const entry of this.entries.values()) {
      if (!entry.isAlone) continue;
      count += 1;
      sinceMs = Math.min(sinceMs, entry.sinceMs);
    }
    return { count, sinceMs };
  }

  /** When the next backoff ends; infinity when none is parked. */
  nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.entries.values()) if (dueMs !== null && dueMs < nextMs) nextMs = dueMs;
    return nextMs;
  }
}

function newEntry(nowMs: number): Entry {
  return {
    sinceMs: nowMs,
    version: undefined,
    failureCount: 0,
    dueMs: null,
    releasedAtMs: nowMs,
    isAlone: false,
    isTold: false,
  };
}
