/** What `els batch` does about batches, on a database of its own; each change leaves a line in the log, on stderr. */
import { open } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { BatchAdmin } from '../admin/deps.ts';
import { systemClock } from '../clock.ts';
import { topicsFor } from '../contract/topics.ts';
import type { SlotInput } from '../domain/inputs.ts';
import type { AgeCursor } from '../domain/upkeep-store.ts';
import { AppError } from '../errors.ts';
import { PostgresBatchStore } from '../postgres/batch-store.ts';
import type { Database } from '../postgres/database.ts';
import { PostgresStatusReader } from '../postgres/status-reader.ts';
import { listBatches } from '../postgres/unfinished-batches.ts';
import { createLogger } from '../telemetry/logger.ts';
import { closeBatch, expireBatch } from '../worker/settle/end-batch.ts';

export function batchAdmin(database: Database, topicPrefix: string): BatchAdmin {
  const instance = `els-${userInfo().username}`;
  const log = createLogger({ level: 'info', instance }, { write: (line) => process.stderr.write(line) });
  // No lease: nobody is here to publish the row, so any worker may at once.
  const store = new PostgresBatchStore(database, { instance, outboxLeaseMs: 0, pendingPerBatchMax: 0 });
  const deps = { store, context: { topics: topicsFor(topicPrefix), instance, clock: systemClock } };
  const mustExist = async (batchId: string): Promise<void> => {
    const found = await new PostgresStatusReader(database).batch(batchId);
    if (found === null) throw new AppError('NOT_FOUND', `no such batch: ${batchId}`);
  };
  return {
    list: async ({ states, ageMsMin, batchesMax, after }) => {
      const cursor = after === null ? null : decodeCursor(after);
      const page = { ageMsMin, after: cursor, batchesMax: batchesMax + 1 };
      const lists = [];
      for (const state of states) lists.push(...(await listBatches(database, { ...page, state })));
      const found = lists.sort((a, b) => b.ageSeconds - a.ageSeconds || (a.batchId < b.batchId ? -1 : 1));
      const batches = found.slice(0, batchesMax);
      const last = batches.at(-1);
      return { batches, next: found.length > batchesMax && last !== undefined ? encodeCursor(last) : null };
    },
    close: async (batchId) => {
      await mustExist(batchId);
      const burnt = await closeBatch(deps, batchId);
      if (burnt !== null) log.warn({ batchId, burnt }, 'an operator closed a batch');
      return burnt;
    },
    expire: async (batchId, file) => {
      await mustExist(batchId);
      const count = await expireBatch(deps, batchId, (inputs) => appendLines(file, inputs));
      log.warn({ batchId, count }, 'an operator gave up waiting for a registration');
      return count;
    },
  };
}

/** On the disk when it resolves. */
async function appendLines(file: string, inputs: readonly SlotInput[]): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  try {
    await handle.appendFile(inputs.map((input) => `${JSON.stringify(input)}\n`).join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function encodeCursor({ since, batchId }: AgeCursor): string {
  return Buffer.from(JSON.stringify([since, batchId])).toString('base64url');
}

function decodeCursor(text: string): AgeCursor {
  try {
    const [since, batchId] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (typeof since === 'string' && /^[\d :.+-]+$/.test(since) && typeof batchId === 'string')
      return { since, batchId };
  } catch {
    // Said below.
  }
  throw new AppError('INVALID_INPUT', '--after must be what a list ended with');
}
