/** `els batch`: what the read API tells, without a running service. */
import type { Command } from 'commander';
import type { StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';
import { batchBody } from '../http/status-bodies.ts';
import { type Open, using } from './deps.ts';
import { type AdminIo, formatRecord, printResult } from './output.ts';

export function addBatchCommands(program: Command, open: Open<StatusReader>, io: AdminIo): void {
  program
    .command('batch')
    .description('look at a batch')
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
