/** `els dlq`: records that could not be processed, with their original bytes. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../errors.ts';
import { type DeadLetterAdmin, type DeadLetterFilter, type Open, type StoredDeadLetter, using } from './deps.ts';
import { type AdminIo, formatRecord, formatTable, printable, printResult, wholeNumber } from './output.ts';

interface FilterOptions {
  readonly topic?: string;
  readonly reason?: string;
  readonly offset?: { readonly partition: number; readonly offset: number };
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
      printResult(command, io, letters.map(letterBody), formatTable(headers, rows));
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
    .option('--rate <count>', 'at most so many a second', wholeNumber(1, 100_000), 100)
    .action(async (options: FilterOptions & { all?: true; dryRun?: true; rate: number }, command: Command) => {
      const filter = filterOf(options);
      if (Object.keys(filter).length === 0 && options.all !== true) {
        throw new AppError('INVALID_INPUT', 'name a --topic, a --reason or an --offset, or say --all');
      }
      const dryRun = options.dryRun === true;
      const result = await using(open, (port) => port.replay(filter, { dryRun, perSecondMax: options.rate }));
      const text = dryRun ? `${result.matched} would be replayed` : `${result.replayed} of ${result.matched} replayed`;
      printResult(command, io, { ...result, dry_run: dryRun }, text);
    });
}

function withFilter(command: Command): Command {
  return command
    .addOption(topicOption())
    .option('--reason <reason>', 'why it was set aside, such as malformed_json')
    .addOption(offsetOption());
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

function filterOf({ topic, reason, offset }: FilterOptions): DeadLetterFilter {
  if (offset !== undefined && topic === undefined) {
    throw new AppError('INVALID_INPUT', 'an --offset needs its --topic');
  }
  return {
    ...(topic === undefined ? {} : { topic }),
    ...(reason === undefined ? {} : { reason }),
    ...(offset === undefined ? {} : { position: offset }),
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
    value_base64: letter.value === null ? null : Buffer.from(letter.value).toString('base64'),
  };
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}
