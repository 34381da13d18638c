/**
 * Erases batches that completed long ago and whose completion is published, one instance at a time and a bounded number
 * of rows at a time. A batch first becomes a tombstone, in one statement: from then on every input of it is known, so
 * that no replay ever meets a batch that has lost half of its slots. Then what it had goes, bit by bit; a process that
 * ends in between is continued by the next one.
 */
import type { UpkeepStore } from '../../domain/upkeep-store.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Repeating } from '../../timing/repeating.ts';

const BATCHES_PER_STEP_MAX = 100;
const ROWS_PER_STEP_MAX = 500;
/** Bounds a pass; what is left is the next one's. */
const STEPS_PER_PASS_MAX = 200;
const TURN_INTERVALS = 3;

export class Retention implements Service {
  readonly name = 'retention';
  private readonly deps: {
    readonly upkeep: Pick<UpkeepStore, 'takeTurn' | 'markErased' | 'eraseRows'>;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly intervalMs: number;
    /** Since the completion; 0 keeps batches for ever, and only ends what was begun. */
    readonly retentionMs: number;
  };
  private readonly loop: Repeating;
  private isStopping = false;

  constructor(deps: Retention['deps']) {
    this.deps = deps;
    this.loop = new Repeating(
      async () => {
        await this.erase();
      },
      deps.intervalMs,
      (error) => deps.log.warn({ err: error }, 'old batches could not be erased'),
    );
  }

  async start(): Promise<void> {
    this.isStopping = false;
    this.loop.start();
  }

  stop(): Promise<void> {
    this.isStopping = true;
    return this.loop.stop();
  }

  /** One pass; returns how many batches became tombstones. */
  async erase(): Promise<number> {
    const { upkeep, metrics, log, intervalMs, retentionMs } = this.deps;
    if (!(await upkeep.takeTurn('erase', intervalMs * TURN_INTERVALS))) return 0;
    const erased = retentionMs === 0 ? 0 : await upkeep.markErased(retentionMs, BATCHES_PER_STEP_MAX);
    metrics.batchesErased.inc(erased);
    if (erased > 0) log.info({ count: erased }, 'old batches are erased');
    for (let step = 0; step < STEPS_PER_PASS_MAX && !this.isStopping; step += 1) {
      if ((await upkeep.eraseRows(ROWS_PER_STEP_MAX)) === null) break;
    }
    return erased;
  }
}
