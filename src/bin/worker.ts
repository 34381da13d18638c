/**
 * The worker: consumes, assigns, publishes, serves its probes; until a signal. `els config help` lists its settings.
 */
import { composeWorker, Program } from '../composition/worker.ts';
import { configWarnings, loadConfig } from '../config/config.ts';
import type { Config } from '../config/config-schema.ts';
import { readEnvFile } from '../config/env-file.ts';
import { AppError, describeError } from '../errors.ts';
import { exitCodeOf } from '../lifecycle.ts';
import { LogSink } from '../telemetry/log-sink.ts';

const USAGE = `Usage: worker

Consumes, assigns, publishes and serves its probes until SIGTERM or SIGINT. It takes no arguments: settings come from
the environment, see els config help and els config check.

Exit codes: 0 stopped as asked, 2 wrong usage, 78 start refused, 1 anything else.
`;
const EXIT_USAGE = 2;
/** A place that cannot be written must not end a worker. */
const stderr = new LogSink(2);

function checkUsage(args: readonly string[]): void {
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (args.length > 0) {
    stderr.write(`unknown argument ${args[0]}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

function checkedConfig(): Config {
  try {
    const mistake = readEnvFile();
    if (mistake !== undefined) throw new AppError('CONFIG_INVALID', mistake);
    for (const warning of configWarnings()) {
      stderr.write(`warning: ${warning}\n`);
    }
    return loadConfig();
  } catch (error) {
    stderr.write(`${describeError(error)}\n`);
    process.exit(exitCodeOf(error));
  }
}

checkUsage(process.argv.slice(2));

await composeWorker(checkedConfig()).resolve(Program).run();
