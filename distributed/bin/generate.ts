/** `pnpm generate`: sends a load to the inbound topics and says what must become of it. */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { topicsFor } from '../../src/contract/topics.ts';
import { kafkaClient } from '../cluster/kafka-client.ts';
import { addLoadOptions, readLoadOptions } from '../generator/command-options.ts';
import { describeLoad, describeTotals } from '../generator/describe-load.ts';
import { InputHistory } from '../generator/input-history.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { planLoad } from '../generator/plan.ts';
import { type PublishProgress, publishLoad } from '../generator/producer.ts';
import { JsonLinesWriter } from '../run/json-lines.ts';
import { RunClock } from '../run/run-clock.ts';

const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 3;
const EXIT_INTERRUPTED = 130;
const PROGRESS_INTERVAL_MS = 2_000;

const command = new Command('generate')
  .description('Sends batches with duplicates, excess, failures and early inputs; prints what must become of them.')
  .option('--brokers <list>', 'Kafka brokers, host:port separated by commas (default: KAFKA_BROKERS)')
  .option('--topic-prefix <prefix>', 'put before every topic name', process.env['TOPIC_PREFIX'] ?? '')
  .option('--manifest <file>', 'write what is expected of every batch into this file, as JSON')
  .option(
    '--history <file>',
    'write every input into this file before it is sent and when it is acknowledged, as JSONL',
  )
  .option('--dry-run', 'plan and print, send nothing')
  .option('--json', 'print one JSON object instead of text')
  .addHelpText('after', '\nExit codes: 0 sent, 2 wrong usage, 3 Kafka cannot be reached or refuses, 130 interrupted.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE));
addLoadOptions(command, DEFAULT_LOAD);
command.parse();

const flags = command.opts<{
  brokers?: string;
  topicPrefix: string;
  manifest?: string;
  history?: string;
  dryRun?: boolean;
  json?: boolean;
}>();
const brokers = flags.brokers ?? process.env['KAFKA_BROKERS'];
if (brokers === undefined && !flags.dryRun) {
  command.error('error: say where Kafka is, with --brokers or KAFKA_BROKERS', { exitCode: EXIT_USAGE });
}
const load = planLoad(readLoadOptions(command, DEFAULT_LOAD));
if (flags.manifest !== undefined) {
  await writeFile(flags.manifest, `${JSON.stringify(load.manifest, null, 1)}\n`);
}
if (!flags.json) {
  process.stdout.write(`${describeLoad(load)}\n${describeTotals(load.manifest)}\n`);
}
const summary = { options: load.options, totals: load.manifest.totals };
if (flags.dryRun || brokers === undefined) {
  finish({ ...summary, published: 0 }, 'nothing was sent (--dry-run)', 0);
}
const history =
  flags.history === undefined ? null : new InputHistory(new JsonLinesWriter(flags.history), new RunClock());
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort());
}
try {
  const result = await publishLoad({
    kafka: kafkaClient(brokers.split(','), 'load-generator'),
    topics: topicsFor(flags.topicPrefix),
    load,
    onProgress: throttled(),
    onSending: (input, dueAtMs) => history?.sending(input, dueAtMs),
    onAcknowledged: (sent) => history?.acknowledged(sent),
    signal: interrupt.signal,
  });
  const { published, elapsedMs, ratePerSecond, aborted } = result;
  const acknowledgementMs = Object.fromEntries(
    [50, 95, 99].map((percentile) => [`p${percentile}`, result.acknowledgement.getValueAtPercentile(percentile)]),
  );
  const rate = `${Math.round(ratePerSecond)}/s, acknowledged after P50 ${acknowledgementMs['p50']} ms, P99 ${acknowledgementMs['p99']} ms`;
  finish(
    { ...summary, published, elapsedMs, ratePerSecond, acknowledgementMs, aborted },
    `${aborted ? 'interrupted: ' : ''}sent ${published} inputs in ${(elapsedMs / 1_000).toFixed(1)} s, ${rate}`,
    aborted ? EXIT_INTERRUPTED : 0,
  );
} catch (error) {
  process.stderr.write(`generate: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(EXIT_ENVIRONMENT);
}

function finish(json: object, text: string, exitCode: number): never {
  process.stdout.write(flags.json ? `${JSON.stringify(json)}\n` : `${text}\n`);
  process.exit(exitCode);
}

/** One line on standard error every two seconds. */
function throttled(): (progress: PublishProgress) => void {
  let saidAtMs = Date.now();
  return ({ published, total, elapsedMs }) => {
    if (Date.now() - saidAtMs >= PROGRESS_INTERVAL_MS) {
      saidAtMs = Date.now();
      const rate = Math.round((published / Math.max(1, elapsedMs)) * 1_000);
      process.stderr.write(`generate: ${published} of ${total} inputs sent, ${rate}/s\n`);
    }
  };
}
