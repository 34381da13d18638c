/** `els outbox`: events between database and Kafka. */
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { type Open, type OutboxAdmin, using } from './deps.ts';
import { type AdminIo, formatRecord, formatTable, printResult, wholeNumber } from './output.ts';

const IDS_MAX = 1000;
const LISTED_MAX = 1000;
const COUNTED_ROWS_MAX = 1_000_000;
const ROW_ID = /^\d{1,18}$/;

export function addOutboxCommands(program: Command, open: Open<OutboxAdmin>, io: AdminIo): void {
  const outbox = program.command('outbox').description('look after unpublished events');

  outbox
    .command('stats')
    .description('show how many rows wait, since when, and how many were given up')
    .action(async (_options: unknown, command: Command) => {
      const { unpublishedCount, oldestAgeMs, deadCount } = await using(open, (port) => port.stats(COUNTED_ROWS_MAX));
      const body = { unpublished: unpublishedCount, oldest_age_ms: Math.round(oldestAgeMs), dead: deadCount };
      printResult(command, io, body, formatRecord(body));
    });

  outbox
    .command('list')
    .option('--limit <rows>', `at most so many rows, up to ${LISTED_MAX}`, wholeNumber(1, LISTED_MAX), 20)
    .description('show unpublished rows with their error: those that were given up first')
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const rows = await using(open, (port) => port.list(limit));
      const body = rows.map((row) => ({
        id: row.id,
        state: row.state,
        age_s: Math.round(row.ageMs / 1000),
        due_in_s: row.dueInMs === null ? null : Math.round(row.dueInMs / 1000),
        attempts: row.attempts,
        topics: row.topics,
        acknowledged: `${row.acknowledgedCount}/${row.messageCount}`,
        error: row.error,
      }));
      const columns = ['ID', 'STATE', 'AGE S', 'DUE IN S', 'ATTEMPTS', 'TOPICS', 'ACKNOWLEDGED', 'ERROR'];
      const table = formatTable(
        columns,
        body.map((row) => [...Object.values({ ...row, topics: row.topics.join(' ') })]),
      );
      printResult(command, io, body, rows.length === 0 ? 'nothing waits' : table);
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
