/**
 * Repairs what should be impossible: a registered batch whose slots are all taken but which never completed, and inputs
 * pending behind their registration. One instance at a time does it. A repair is a bug report: it is counted, logged as
 * an error, and anything above zero is an alert.
 *
 * A pass looks at a stretch of the unfinished batches and goes on there next time, so it costs the same however many
 * there are. A batch that cannot be repaired now, because somebody holds it or because it throws, keeps nobody else from
 * being repaired.
 */
import type { BatchTransaction } from '../../domain/batch-store.ts';
import type { OutboxRow } from '../../domain/ports.ts';
import type { AgeCursor, UpkeepStore } from '../../domain/upkeep-store.ts';
import { AppError, isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Repeating } from '../../timing/repeating.ts';
import { drainPending, drainRest } from '../settle/drain-pending.ts';
import { appendMessages, completionsOf, type SettleContext, type SettlingDeps } from '../settle/settle-inputs.ts';

/** Of a walk, looked at in one pass. */
const BATCHES_PER_PASS_MAX = 5_000;
/** The turn of an instance that has gone is free after so many intervals. */
const TURN_INTERVALS = 3;

export interface ReconcilerDeps extends SettlingDeps {
  readonly upkeep: Pick<UpkeepStore, 'takeTurn' | 'findFull' | 'findStranded'>;
  readonly log: Logger;
  readonly intervalMs: number;
  /** Of each walk; BATCHES_PER_PASS_MAX if not given. */
  readonly batchesPerPassMax?: number;
}

export class Reconciler implements Service {
  readonly name = 'reconciler';
  private readonly deps: ReconcilerDeps;
  private readonly loop: Repeating;
  private fullFrom: AgeCursor | null = null;
  private strandedFrom: string | null = null;

  constructor(deps: ReconcilerDeps) {
    this.deps = deps;
    this.loop = new Repeating(
      async () => {
        await this.reconcile();
      },
      deps.intervalMs,
      (error) => {
        if (isRetryable(error)) deps.log.warn({ err: error }, 'reconciler pass must wait');
        else deps.log.error({ err: error }, 'reconciler pass failed');
      },
    );
  }

  async start(): Promise<void> {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** A look at the next stretch of unfinished batches; returns how many repairs it took. */
  async reconcile(): Promise<number> {
    const { upkeep, intervalMs, batchesPerPassMax = BATCHES_PER_PASS_MAX } = this.deps;
    if (!(await upkeep.takeTurn('reconcile', intervalMs * TURN_INTERVALS))) return 0;
    const stranded = await upkeep.findStranded(this.strandedFrom, batchesPerPassMax);
    const full = await upkeep.findFull(this.fullFrom, batchesPerPassMax);
    this.strandedFrom = stranded.next;
    this.fullFrom = full.next;
    let repaired = 0;
    for (const batchId of new Set([...stranded.batchIds, ...full.batchIds])) repaired += await this.repair(batchId);
    return repaired;
  }

  private async repair(batchId: string): Promise<number> {
    const { store, context, outbox, metrics, log } = this.deps;
    try {
      const { rows, kinds, rest } = await store.transaction((tx) => repair(tx, batchId, context));
      outbox.offer(rows);
      for (const kind of kinds) {
        metrics.reconcilerRepairs.inc({ kind });
        log.error({ batchId, kind }, 'reconciler repaired a batch');
      }
      await drainRest(this.deps, rest);
      return kinds.length;
    } catch (error) {
      // Then no other batch can be repaired either.
      if (error instanceof AppError && error.code === 'UNAVAILABLE') throw error;
      log.error({ err: error, batchId }, 'a batch could not be repaired');
      return 0;
    }
  }
}

type RepairKind = 'full_not_complete' | 'pending_of_registered';

async function repair(
  tx: BatchTransaction,
  batchId: string,
  context: SettleContext,
): Promise<{ rows: OutboxRow[]; kinds: RepairKind[]; rest: readonly string[] }> {
  const rows: OutboxRow[] = [];
  const kinds: RepairKind[] = [];
  let rest: readonly string[] = [];
  // Held by somebody, who may be about to put it right: the next walk comes by again.
  if (!(await tx.lockBatches([batchId])).has(batchId)) return { rows, kinds, rest };
  // Looked at again under the lock: what was seen before may have been somebody's work in progress.
  if (await tx.isStranded(batchId)) {
    kinds.push('pending_of_registered');
    const drained = await drainPending(tx, [batchId], context);
    rows.push(...drained.rows);
    rest = drained.rest;
  }
  if (await tx.recount(batchId)) {
    kinds.push('full_not_complete');
    rows.push(...(await appendMessages(tx, await completionsOf(tx, [batchId], context), context)));
  }
  return { rows, kinds, rest };
}
