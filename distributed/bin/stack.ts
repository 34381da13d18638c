/** `pnpm stack`: PostgreSQL, Redis and Kafka for as long as this program runs. */
import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { type Stack, startStack } from '../stack/stack.ts';
import { StackError } from '../stack/stack-error.ts';

const EXIT_ENVIRONMENT = 3;

const program = new Command('stack')
  .description(
    'Starts real PostgreSQL, Redis and Kafka on this machine, prints how to reach them, and stops them again.',
  )
  .helpCommand(false);

program
  .command('up', { isDefault: true })
  .description('start the three servers and keep them until Ctrl-C')
  .option('--kafka-nodes <1|3>', 'size of the Kafka cluster', kafkaNodes, 1)
  .option('--env-file <file>', 'also write the three variables into this file, as NAME=value lines')
  .addHelpText(
    'after',
    '\nDATABASE_URL, REDIS_URL and KAFKA_BROKERS in the environment each replace the server they name.\n' +
      'Exit codes: 0 stopped, 2 wrong usage, 3 the stack cannot start (`pnpm doctor` says why), 130 interrupted while starting.',
  )
  .action(up);

await program.parseAsync();

async function up(options: { kafkaNodes: 1 | 3; envFile?: string }): Promise<void> {
  const interrupted = new Promise<void>((resolve) => {
    let stack: Stack | undefined;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    void stack;
  });
  // While it starts, ending is enough: the guardian cleans up behind us.
  const giveUp = interrupted.then(() => undefined);
  const starting = startStack({ kafkaNodes: options.kafkaNodes, onProgress: say });
  starting.catch(() => {});
  const stack = await Promise.race([starting, giveUp]).catch(fail);
  if (stack === undefined) process.exit(130);
  const variables = {
    DATABASE_URL: stack.databaseUrl,
    REDIS_URL: stack.redisUrl,
    KAFKA_BROKERS: stack.kafkaBrokers.join(','),
  };
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  if (options.envFile !== undefined) await writeFile(options.envFile, `${lines.join('\n')}\n`);
  process.stdout.write(`${lines.map((line) => `export ${line}`).join('\n')}\n`);
  say('the stack is up; Ctrl-C stops it');
  await interrupted;
  say('stopping');
  await stack.stop();
  process.exit(0);
}

/** Progress goes to standard error, so that the variables can be read from standard output. */
function say(line: string): void {
  process.stderr.write(`stack: ${line}\n`);
}

function fail(error: unknown): never {
  say(error instanceof StackError ? error.message : String(error instanceof Error ? error.stack : error));
  process.exit(EXIT_ENVIRONMENT);
}

function kafkaNodes(value: string): 1 | 3 {
  if (value === '1' || value === '3') return value === '1' ? 1 : 3;
  throw new InvalidArgumentError('1 or 3.');
}
