/** `pnpm stack`: PostgreSQL, Redis and Kafka for as long as this program runs. */
import { rm, writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { reportMachine } from '../stack/doctor/doctor-report.ts';
import { StackError } from '../stack/process/stack-error.ts';
import { SOURCE_VARIABLE, STACK_SOURCES, type StackSource, startStack } from '../stack/stack.ts';

const EXIT = { usage: 2, environment: 3, interrupted: 130 } as const;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const program = new Command('stack')
  .description('Real PostgreSQL, Redis and Kafka on this machine, with Docker or without.')
  .helpCommand(false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage));

program
  .command('up', { isDefault: true })
  .description('start the three servers, print how to reach them, stop them at Ctrl-C')
  .option('--kafka-nodes <1|3>', 'size of the Kafka cluster', kafkaNodes, 1)
  .addOption(
    new Option('--stack <kind>', 'processes or containers')
      .choices(STACK_SOURCES)
      .env(SOURCE_VARIABLE)
      .default('local'),
  )
  // Not --env-file: Node takes that for its own, wherever it stands.
  .option('--write-env <file>', 'while the stack is up, keep the variables in this file, as NAME=value lines')
  .addHelpText(
    'after',
    `
DATABASE_URL, REDIS_URL and KAFKA_BROKERS in the environment each replace the server they name.
ELS_POSTGRES_BIN and KAFKA_HOME choose other programs than the built-in ones.
The variables go to standard output, everything else to standard error.
Exit codes: 0 stopped, 2 wrong usage, 3 the stack cannot start, 130 interrupted while it started.`,
  )
  .action(up);

program
  .command('doctor')
  .description('say what the stack needs and whether it is here')
  .option('--json', 'print one JSON object instead of text')
  .action(async (options: { json?: boolean }) => {
    if (!(await reportMachine(options))) process.exitCode = EXIT.environment;
  });

await program.parseAsync();

async function up(options: { kafkaNodes: 1 | 3; stack: StackSource; writeEnv?: string }): Promise<void> {
  const interrupted = new Promise<undefined>((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve(undefined));
  });
  const starting = startStack({ source: options.stack, kafkaNodes: options.kafkaNodes, onProgress: say });
  const stack = await Promise.race([starting, interrupted]).catch(fail);
  // While it starts, ending is enough: the guardian cleans up behind us.
  if (stack === undefined) process.exit(EXIT.interrupted);
  const variables = {
    DATABASE_URL: stack.databaseUrl,
    REDIS_URL: stack.redisUrl,
    KAFKA_BROKERS: stack.kafkaBrokers.join(','),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  if (options.writeEnv !== undefined) await writeFile(options.writeEnv, `${lines.join('\n')}\n`);
  process.stdout.write(`${lines.map((line) => `export ${line}`).join('\n')}\n`);
  say(`the stack is up, its logs are in ${stack.dataDir}; Ctrl-C stops it`);
  await interrupted;
  say('stopping');
  if (options.writeEnv !== undefined) await rm(options.writeEnv, { force: true });
  await stack.stop();
  process.exit(0);
}

function say(line: string): void {
  process.stderr.write(`stack: ${line}\n`);
}

function fail(error: unknown): never {
  if (error instanceof StackError) say(error.message);
  else say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exit(EXIT.environment);
}

function kafkaNodes(value: string): 1 | 3 {
  if (value === '1' || value === '3') return value === '1' ? 1 : 3;
  throw new InvalidArgumentError('It is 1 or 3.');
}
