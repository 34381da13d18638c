/** `els batch`: what the read API tells without a running service, and what to do about batches that do not end. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { StatusReader } from '../domain/status.ts';
import type { UnfinishedBatch } from '../domain/upkeep-store.ts';
import { AppError } from '../errors.ts';
import { batchBody } from '../http/status-bodies.ts';
import { type BatchAdmin, type Open, using } from './deps.ts';
import { type AdminIo, formatRecord, formatTable, printResult, wholeNumber } from './output.ts';

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function addBatchCommands(
  program: Command,
  open: { readonly status: Open<StatusReader>; readonly batches: Open<BatchAdmin> },
  io: AdminIo,
): void {
  const batch = program.command('batch').description('look at batches, and end those that do not end by themselves');
  addShow(batch, open.status, io);
  addList(batch, open.batches, io);
  addClose(batch, open.batches, io);
  addExpire(batch, open.batches, io);
}

function addShow(batch: Command, open: Open<StatusReader>, io: AdminIo): void {
  batch
    .command('show')
    .argument('<batch-id>')
    .description('show counts, progress and completion')
    .action(async (batchId: string, _options: unknown, command: Command) => {
      const found = await using(open, (status) => status.batch(batchId));
      if (found === null) {
        throw new AppError('NOT_FOUND', `no such batch: ${batchId}`);
      }
      const body = batchBody(found);
      const { status_breakdown: _breakdown, total_essays: _total, ...lines } = body;
      printResult(command, io, body, formatRecord(lines));
    });
}

interface ListOptions {
  readonly state?: UnfinishedBatch['state'];
  readonly olderThan: number;
  readonly limit: number;
  readonly after?: string;
}

function addList(batch: Command, open: Open<BatchAdmin>, io: AdminIo): void {
  batch
    .command('list')
    .description('list unfinished batches, the oldest first')
    .addOption(new Option('--state <state>', 'only those').choices(['announced', 'open']))
    .option('--older-than <age>', 'such as 90m, 36h or 7d', age, 0)
    .option('--limit <count>', 'at most', wholeNumber(1, 1000), 50)
    .option('--after <cursor>', 'go on where a list ended')
    .action(async (options: ListOptions, command: Command) => {
      const { batches, next } = await using(open, (port) =>
        port.list({
          states: options.state === undefined ? ['announced', 'open'] : [options.state],
          ageMsMin: options.olderThan,
          batchesMax: options.limit,
          after: options.after ?? null,
        }),
      );
      const rows = batches.map((each) => [
        each.batchId,
        each.state,
        ageText(each.ageSeconds),
        each.userId,
        each.expectedCount,
        each.filledCount,
        each.failedCount,
        each.openCount,
        each.pendingCount,
      ]);
      const headers = ['BATCH', 'STATE', 'AGE', 'OWNER', 'SLOTS', 'FILLED', 'FAILED', 'OPEN', 'PENDING'];
      const table = rows.length === 0 ? 'no unfinished batches' : formatTable(headers, rows);
      printResult(
        command,
        io,
        { batches: batches.map(body), next },
        next === null ? table : `${table}\nmore: --after ${next}`,
      );
    });
}

function addClose(batch: Command, open: Open<BatchAdmin>, io: AdminIo): void {
  batch
    .command('close')
    .argument('<batch-id>')
    .description('burn the open slots of a batch, which completes it and announces that')
    .option('--yes', 'do not ask')
    .action(async (batchId: string, options: { yes?: boolean }, command: Command) => {
      await confirm(io, options, `Burn every open slot of ${batchId} and announce its completion?`);
      const burnt = await using(open, (port) => port.close(batchId));
      const result = { batch_id: batchId, burnt: burnt ?? 0, was_complete: burnt === null };
      const text = burnt === null ? `${batchId} was complete already` : `${batchId} is complete, ${burnt} slots burnt`;
      printResult(command, io, result, text);
    });
}

function addExpire(batch: Command, open: Open<BatchAdmin>, io: AdminIo): void {
  batch
    .command('expire')
    .argument('<batch-id>')
    .description('give up waiting for the registration of a batch; what waits is written to a file')
    .requiredOption('--export <file>', 'where to append the inputs, one JSON object a line')
    .option('--yes', 'do not ask')
    .action(async (batchId: string, options: { export: string; yes?: boolean }, command: Command) => {
      await confirm(io, options, `Move everything that waits for ${batchId} to ${options.export}?`);
      const expired = await using(open, (port) => port.expire(batchId, options.export));
      const text = `${batchId} is forgotten, ${expired} inputs are in ${options.export}`;
      printResult(command, io, { batch_id: batchId, expired, file: options.export }, text);
    });
}

async function confirm(io: AdminIo, options: { readonly yes?: boolean }, question: string): Promise<void> {
  if (options.yes === true) return;
  if (io.confirm === undefined) throw new AppError('INVALID_INPUT', 'nobody is here to be asked: add --yes');
  if (!(await io.confirm(question))) throw new AppError('INVALID_INPUT', 'not confirmed, nothing is changed');
}

function age(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw new InvalidArgumentError('It must be a number of m, h or d, such as 36h.');
  return Number(count) * unitMs;
}

function ageText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 2) return `${Math.floor(seconds)}s`;
  if (minutes < 120) return `${minutes}m`;
  return minutes < 2880 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
}

function body(each: UnfinishedBatch) {
  return {
    batch_id: each.batchId,
    state: each.state,
    age_seconds: Math.round(each.ageSeconds),
    user_id: each.userId,
    org_id: each.orgId,
    expected: each.expectedCount,
    filled: each.filledCount,
    failed: each.failedCount,
    open: each.openCount,
    pending: each.pendingCount,
  };
}
