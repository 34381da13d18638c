/**
 * Interleavings by hand: a transaction of the product that has done its work and waits with the commit, and somebody who
 * sees from outside who waits for whom.
 */
import { Client } from 'pg';
import type { SlotInput } from '../../../src/domain/inputs.ts';
import { type Settled, settleInputs } from '../../../src/worker/settle/settle-inputs.ts';
import { waitFor } from '../wait-for.ts';
import type { Instance } from './postgres-batch-system.ts';

export interface HeldTransaction {
  readonly settled: Settled;
  /** Lets it commit and waits until it has. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A transaction that announces batches and settles inputs, as the product does it, stopped before its commit. */
export async function holdBeforeCommit(
  instance: Instance,
  inputs: readonly SlotInput[],
  announced: readonly string[] = [],
): Promise<HeldTransaction> {
  let proceed: (undo: Error | null) => void = () => {};
  const gate = new Promise<Error | null>((resolve) => {
    proceed = resolve;
  });
  let over: Promise<unknown> = Promise.resolve();
  const settled = await new Promise<Settled>((reached, failed) => {
    over = instance.store.transaction(async (tx) => {
      if (announced.length > 0) await tx.lockBatches(announced);
      reached(await settleInputs(tx, inputs, instance.context));
      const undo = await gate;
      if (undo !== null) throw undo;
    });
    over.catch(failed);
  });
  const undone = new Error('rolled back on purpose');
  return {
    settled,
    commit: async () => {
      proceed(null);
      await over;
    },
    rollback: async () => {
      proceed(undone);
      await over.catch((error: unknown) => {
        if (error !== undone) throw error;
      });
    },
  };
}

/** Looks at a database from a connection of its own. */
export class Observer {
  readonly client: Client;

  constructor(databaseUrl: string) {
    this.client = new Client({ connectionString: databaseUrl });
  }

  async connect(): Promise<void> {
    await this.client.connect();
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  /** Resolves when exactly this many sessions of the database wait for a lock of another. */
  async waitForBlocked(sessionCount: number): Promise<void> {
    await waitFor(async () => (await this.blockedCount()) === sessionCount, {
      deadlineMs: 20_000,
      what: `${sessionCount} blocked sessions`,
    });
  }

  async value<T>(query: string, values: readonly unknown[] = []): Promise<T | undefined> {
    const { rows } = await this.client.query<{ value: T }>(query, [...values]);
    return rows[0]?.value;
  }

  /** Deadlocks of this database so far; sessions report them when they end at the latest. */
  async deadlockCount(): Promise<number> {
    await this.client.query('select pg_stat_clear_snapshot()');
    const query = 'select deadlocks::int as value from pg_stat_database where datname = current_database()';
    return (await this.value<number>(query)) ?? 0;
  }

  async blockedCount(): Promise<number | undefined> {
    return this.value<number>(
      `select count(*)::int as value from pg_stat_activity
       where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`,
    );
  }
}
