/** `els dlq`: records that could not be processed, with their original bytes. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEAD_LETTER_REASONS } from '../contract/dead-letter-reasons.ts';
import { AppError } from '../errors.ts';
import {
  type DeadLetterAdmin,
  type DeadLetterFilter,
  type Open,
  type ReplayCounts,
  type StoredDeadLetter,
  using,
} from './deps.ts';
import { type AdminIo, formatRecord, formatTable, printable, printResult, wholeNumber } from './output.ts';

const PARTITION_MAX = 1_000_000;
const PROGRESS_INTERVAL_MS = 2_000;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

interface FilterOptions {
  readonly topic?: string;
  readonly reason?: string;
  readonly partition?: number;
  readonly offset?: { readonly partition: number; readonly offset: number };
  readonly since?: number;
  readonly until?: number;
  readonly batch?: string;
}

export function addDeadLetterCommands(program: Command, open: Open<DeadLetterAdmin>, io: AdminIo): void {
  const dlq = program.command('dlq').description('look at dead letters and bring them back');
  addList(dlq, open, io);
  addShow(dlq, open, io);
  addReplay(dlq, open, io);
}

function addList(dlq: Command, open: Open<DeadLetterAdmin>, io: AdminIo): void {
  withFilter(dlq.command('list').description('list dead letters, oldest first'))
    .option('--limit <count>', 'at most so many', wholeNumber(1, 10_000), 50)
    .action(async (options: FilterOptions & { limit: number }, command: Command) => {
      const filter = filterOf(options);
      const letters = await using(open, (port) => port.list(filter, options.limit));
      const rows = letters.map((letter) => [
        letter.deadLetterTopic,
        `${letter.partition}:${letter.offset}`,
        letter.reason,
        letter.attempts,
        letter.firstSeen,
        letter.detail,
      ]);
      const headers = ['TOPIC', 'OFFSET', 'REASON', 'ATTEMPTS', 'FIRST SEEN', 'DETAIL'];
      const table = rows.length === 0 ? 'no dead letters' : formatTable(headers, rows);
      printResult(command, io, letters.map(letterBody), table);
    });
}

function addShow(dlq: Command, open: Open<DeadLetterAdmin>, io: AdminIo): void {
  dlq
    .command('show')
    .description('show one dead letter with its value')
    .addOption(topicOption().makeOptionMandatory())
    .addOption(offsetOption().makeOptionMandatory())
    .action(async (options: FilterOptions, command: Command) => {
      const filter = filterOf(options);
      const [letter] = await using(open, (port) => port.list(filter, 1));
      if (letter === undefined) {
        throw new AppError('NOT_FOUND', 'no dead letter there');
      }
      const { value, value_base64: _bytes, ...lines } = letterBody(letter);
      printResult(command, io, letterBody(letter), `${formatRecord(lines)}\n\n${printable(value)}`);
    });
}

function addReplay(dlq: Command, open: Open<DeadLetterAdmin>, io: AdminIo): void {
  withFilter(dlq.command('replay').description('put records back into the topics they came from'))
    .option('--all', 'without this, a filter is needed')
    .option('--dry-run', 'only count')
    .option('--force', 'also what was replayed before, and what will be refused again')
    .option('--rate <count>', 'at most so many a second', wholeNumber(1, 100_000), 100)
    .action(async (options: ReplayOptions, command: Command) => {
      const filter = filterOf(options);
      if (Object.keys(filter).length === 0 && options.all !== true) {
        throw new AppError('INVALID_INPUT', 'name a --topic, --reason, --since, --batch or --offset, or say --all');
      }
      const dryRun = options.dryRun === true;
      const replay = { dryRun, perSecondMax: options.rate, force: options.force === true };
      const result = await using(open, (port) => port.replay(filter, replay, progressOn(io)));
      printResult(command, io, { ...result, dry_run: dryRun }, replayText(result, dryRun));
    });
}

interface ReplayOptions extends FilterOptions {
  readonly all?: true;
  readonly dryRun?: true;
  readonly force?: true;
  readonly rate: number;
}

function replayText({ matched, replayed, skipped, before, refused }: ReplayCounts, dryRun: boolean): string {
  const due = matched - skipped - before - refused;
  const lines = [dryRun ? `${due} of ${matched} would be replayed` : `${replayed} of ${matched} replayed`];
  if (before > 0) lines.push(`${before} were replayed before (--force sends them again)`);
  if (refused > 0) lines.push(`${refused} would be refused again as they are (--force sends them all the same)`);
  if (skipped > 0) lines.push(`${skipped} are batches that cannot be decoded: no records to send`);
  return lines.join('\n');
}

/** A long replay says how far it is. */
function progressOn(io: AdminIo): (soFar: ReplayCounts) => void {
  let saidAtMs = performance.now();
  return ({ matched, replayed, skipped, before, refused }) => {
    if (performance.now() - saidAtMs < PROGRESS_INTERVAL_MS) return;
    saidAtMs = performance.now();
    io.stderr(`${matched} letters read, ${replayed} replayed, ${skipped + before + refused} left out\n`);
  };
}

function withFilter(command: Command): Command {
  return command
    .addOption(topicOption())
    .addOption(new Option('--reason <reason>', 'why it was set aside').choices(DEAD_LETTER_REASONS))
    .option('--partition <number>', 'of the dead-letter topic', wholeNumber(0, PARTITION_MAX))
    .addOption(offsetOption())
    .option('--since <time>', 'set aside from then on: 2026-01-31T08:00Z, or an age such as 90m, 36h, 7d', moment)
    .option('--until <time>', 'set aside before then', moment)
    .option('--batch <batch-id>', 'of this batch, where the record tells it');
}

/** Milliseconds since the epoch. */
function moment(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  const timeMs = unitMs === undefined ? Date.parse(text) : Date.now() - Number(count) * unitMs;
  if (Number.isNaN(timeMs)) throw new InvalidArgumentError('It must be a time of ISO 8601, or an age such as 36h.');
  return timeMs;
}

function topicOption(): Option {
  return new Option('--topic <name>', 'the topic it came from, or its dead-letter topic').argParser((name) =>
    name.replace(/\.DLQ$/, ''),
  );
}

function offsetOption(): Option {
  return new Option('--offset <partition:offset>', 'where it lies in its dead-letter topic').argParser((text) => {
    const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(text) ?? [];
    if (partition === undefined || offset === undefined) {
      throw new InvalidArgumentError('It must be partition:offset, such as 0:17.');
    }
    return { partition: Number(partition), offset: Number(offset) };
  });
}

function filterOf({ topic, reason, partition, offset, since, until, batch }: FilterOptions): DeadLetterFilter {
  if (offset !== undefined && topic === undefined) {
    throw new AppError('INVALID_INPUT', 'an --offset needs its --topic');
  }
  return {
    ...(topic === undefined ? {} : { topic }),
    ...(reason === undefined ? {} : { reason }),
    ...(partition === undefined ? {} : { partition }),
    ...(offset === undefined ? {} : { position: offset }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
    ...(batch === undefined ? {} : { batchId: batch }),
  };
}

function letterBody(letter: StoredDeadLetter) {
  return {
    dead_letter_topic: letter.deadLetterTopic,
    partition: letter.partition,
    offset: letter.offset,
    reason: letter.reason,
    detail: letter.detail,
    topic: letter.topic,
    topic_partition: letter.topicPartition,
    topic_offset: letter.topicOffset,
    attempts: letter.attempts,
    first_seen: letter.firstSeen,
    instance: letter.instance,
    key: textOf(letter.key),
    value: textOf(letter.value),
    headers: letter.headers,
    value_base64: letter.value === null ? null : Buffer.from(letter.value).toString('base64'),
  };
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}
