/** `pnpm demo`: the whole service on this machine, a visible load, and a verdict. */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { listenForInterrupt } from '../command/interrupt.ts';
import { DEMO_LOAD, type DemoOptions } from '../demo/demo-options.ts';
import { describeReport, type Paint } from '../demo/demo-report.ts';
import { runDemo } from '../demo/run-demo.ts';
import { addLoadOptions, readLoadOptions } from '../generator/command-options.ts';
import { EXIT } from '../run/verdict.ts';
import { projectRoot } from '../stack/process/project-root.ts';
import { SOURCE_VARIABLE, STACK_SOURCES, type StackSource } from '../stack/stack.ts';

const EXIT_CODES = { valid: EXIT.valid, invalid: EXIT.invalid, unknown: EXIT.unknown } as const;
const COLOURS = { green: 32, yellow: 33, red: 31 } as const;
const WORKERS_MAX = 15;

const command = new Command('demo')
  .description(
    'Starts PostgreSQL, Redis, Kafka and some workers, sends batches with duplicates, excess, failures and early\n' +
      'inputs, then reads tables and topics back and says whether everything became what it must.',
  )
  .option('--workers <count>', 'worker processes', parseWorkers, 3)
  .option('--backlog', 'publish first, then start the workers and time how fast they catch up')
  .option('--kill-one', 'kill one worker in mid-load (SIGKILL) and start it again')
  .option('--pause-one', 'freeze one worker beyond its Kafka session (SIGSTOP), then let it go on')
  .option('--no-gateway', 'without the gateway whose page shows the batches filling')
  .option('--kafka-nodes <1|3>', 'size of the Kafka cluster', parseNodes, 1)
  .addOption(
    new Option('--stack <kind>', 'servers as processes or containers')
      .choices(STACK_SOURCES)
      .env(SOURCE_VARIABLE)
      .default('local'),
  )
  .option('--json', 'print the report as one JSON object')
  .addHelpText(
    'after',
    '\nDATABASE_URL, REDIS_URL and KAFKA_BROKERS in the environment each replace the server they name.\n' +
      'Exit codes: 0 right, 1 wrong, 2 wrong usage, 3 the environment cannot start,\n4 not enough evidence, 130 interrupted.',
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));
addLoadOptions(command, DEMO_LOAD);
command.parse();

const flags = command.opts<{
  workers: number;
  backlog?: boolean;
  killOne?: boolean;
  pauseOne?: boolean;
  gateway: boolean;
  kafkaNodes: 1 | 3;
  stack: StackSource;
  json?: boolean;
}>();
const options = readOptions();
const useColour = process.env['NO_COLOR'] === undefined || process.env['NO_COLOR'] === '';
const output = flags.json ? process.stderr : process.stdout;
const root = projectRoot();
const interrupt = listenForInterrupt();

try {
  const report = await runDemo({
    options,
    root,
    outputFolder: join(root, 'runs'),
    replay: replayCommand(),
    output: {
      isTTY: output.isTTY === true,
      get columns() {
        return output.columns ?? 80;
      },
      write: (text) => output.write(text),
    },
    useColour,
    signal: interrupt,
  });
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : `\n${describeReport(report, paint)}\n`);
  process.exitCode = EXIT_CODES[report.verdict];
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`demo: ${message}\n`);
  process.exitCode = EXIT.environment;
}
if (interrupt.aborted) process.exitCode = EXIT.interrupted;
process.exit();

function readOptions(): DemoOptions {
  const load = readLoadOptions(command, DEMO_LOAD);
  // The default duration is for a load to watch: a backlog is published as fast as possible, and a rate that is given
  // says by itself how long the load takes.
  const durationGiven = command.getOptionValueSource('duration') === 'cli';
  const keepsDuration = durationGiven || !(flags.backlog || load.ratePerSecond > 0);
  const faults = (flags.killOne ? 1 : 0) + (flags.pauseOne ? 1 : 0);
  if (faults > flags.workers - 1 && faults > 0) {
    command.error(`error: ${faults} faulty workers need at least ${faults + 1} workers`, { exitCode: EXIT.usage });
  }
  return {
    workers: flags.workers,
    load: keepsDuration ? load : { ...load, durationSeconds: null },
    backlog: flags.backlog === true,
    killOne: flags.killOne === true,
    pauseOne: flags.pauseOne === true,
    gateway: flags.gateway,
    kafkaNodes: flags.kafkaNodes,
    stack: flags.stack,
  };
}

/** As it was given; a seed that was drawn is added. */
function replayCommand(): string {
  const isSeedGiven = command.getOptionValueSource('seed') === 'cli';
  const words = [...process.argv.slice(2), ...(isSeedGiven ? [] : ['--seed', String(options.load.seed)])];
  return `pnpm demo ${words.join(' ')}`;
}

function paint(...[colour, text]: Parameters<Paint>): string {
  return output.isTTY && useColour ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

function parseWorkers(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > WORKERS_MAX) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${WORKERS_MAX}.`);
  }
  return value;
}

function parseNodes(text: string): 1 | 3 {
  if (text === '1' || text === '3') {
    return text === '1' ? 1 : 3;
  }
  throw new InvalidArgumentError('It must be 1 or 3.');
}
