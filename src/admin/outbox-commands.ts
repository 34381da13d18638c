/** `els outbox`: events between database and Kafka. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { type Open, type OutboxAdmin, using } from './deps.ts';
import { type AdminIo, formatRecord, printResult } from './output.ts';

const IDS_MAX = 1000;
const ROW_ID = /^\d{1,18}$/;

export function addOutboxCommands(program: Command, open: Open<OutboxAdmin>, io: AdminIo): void {
  const outbox = program.command('outbox').description('look after unpublished events');

  outbox
    .command('stats')
    .description('show how many rows wait, since when, and how many were given up')
    .action(async (_options: unknown, command: Command) => {
      const { unpublishedCount, oldestAgeMs, deadCount } = await using(open, (port) => port.stats());
      const body = { unpublished: unpublishedCount, oldest_age_ms: Math.round(oldestAgeMs), dead: deadCount };
      printResult(command, io, body, formatRecord(body));
    });

  outbox
    .command('retry')
    .argument('[id...]', 'rows to retry; all that were given up when none is named')
    .description('publish again what was given up')
    .action(async (ids: string[], _options: unknown, command: Command) => {
      const wrong = ids.find((id) => !ROW_ID.test(id));
      if (wrong !== undefined || ids.length > IDS_MAX) {
        throw new AppError(
          'INVALID_INPUT',
          wrong === undefined ? `more than ${IDS_MAX} ids` : `not a row id: ${wrong}`,
        );
      }
      const retried = await using(open, (port) => (ids.length === 0 ? port.retryDead() : port.retryDead(ids)));
      printResult(command, io, { retried }, `${retried} due again`);
    });
}
