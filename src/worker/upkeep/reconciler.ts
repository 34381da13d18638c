/**
 * Repairs what should be impossible: a registered batch whose slots are all taken but which never completed, and inputs
 * pending behind their registration. One instance at a time does it. A repair is a bug report: it is counted, logged as
 * an error, and anything above zero is an alert.
 */
import type { BatchTransaction } from '../../domain/batch-store.ts';
import type { OutboxRow } from '../../domain/ports.ts';
import { isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Repeating } from '../../timing/repeating.ts';
import { drainPending } from '../settle/register-batches.ts';
import { appendMessages, completionsOf, type SettleContext, type SettlingDeps } from '../settle/settle-inputs.ts';

const BATCHES_PER_PASS_MAX = 100;

export class Reconciler implements Service {
  readonly name = 'reconciler';
  private readonly deps: SettlingDeps & {
    readonly log: Logger;
    readonly intervalMs: number;
  };
  private readonly loop: Repeating;

  constructor(deps: Reconciler['deps']) {
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

  /** One look at all registered, incomplete batches; returns how many were repaired. */
  async reconcile(): Promise<number> {
    const { store, context } = this.deps;
    const stranded = await store.stranded(BATCHES_PER_PASS_MAX);
    let repaired = 0;
    for (const batchId of stranded) {
      const { rows, kinds } = await store.transaction((tx) => repair(tx, batchId, context));
      this.deps.outbox.offer(rows);
      for (const kind of kinds) {
        repaired += 1;
        this.deps.metrics.reconcilerRepairs.inc({ kind });
        this.deps.log.error({ batchId, kind }, 'reconciler repaired a batch');
      }
    }
    return repaired;
  }
}

type RepairKind = 'full_not_complete' | 'pending_of_registered';

async function repair(
  tx: BatchTransaction,
  batchId: string,
  context: SettleContext,
): Promise<{ rows: OutboxRow[]; kinds: RepairKind[] }> {
  const rows: OutboxRow[] = [];
  const kinds: RepairKind[] = [];
  // Held by somebody, who may be about to put it right: the next pass looks again.
  if (!(await tx.lockBatches([batchId])).has(batchId)) return { rows, kinds };
  // Looked at again under the lock: what was seen before may have been somebody's work in progress.
  if ((await tx.countStranded(batchId)) > 0) {
    kinds.push('pending_of_registered');
    rows.push(...(await drainPending(tx, [batchId], context)));
  }
  if (await tx.recount(batchId)) {
    kinds.push('full_not_complete');
    rows.push(...(await appendMessages(tx, await completionsOf(tx, [batchId], context), context)));
  }
  return { rows, kinds };
}
