/**
 * How every program begins: no arguments but --help, warnings and mistakes of the settings in lines of their own, and an
 * exit code before anything is opened.
 */
import type { DependencyContainer } from 'tsyringe';
import { configWarnings, loadConfig } from '../config/config.ts';
import type { Config } from '../config/config-schema.ts';
import { readEnvFile } from '../config/env-file.ts';
import { AppError, describeError } from '../errors.ts';
import { exitCodeOf } from '../lifecycle.ts';
import { LogSink } from '../telemetry/log-sink.ts';
import { Program } from './program.ts';

const EXIT_USAGE = 2;
/** A place that cannot be written must not end a process. */
const stderr = new LogSink(2);

export async function startProgram(
  usage: string,
  args: readonly string[],
  compose: (config: Config) => DependencyContainer,
): Promise<void> {
  checkUsage(usage, args);
  await composed(compose).run();
}

function checkUsage(usage: string, args: readonly string[]): void {
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(usage);
    process.exit(0);
  }
  if (args.length > 0) {
    stderr.write(`unknown argument ${args[0]}\n\n${usage}`);
    process.exit(EXIT_USAGE);
  }
}

function composed(compose: (config: Config) => DependencyContainer): Program {
  try {
    const mistake = readEnvFile();
    if (mistake !== undefined) throw new AppError('CONFIG_INVALID', mistake);
    for (const warning of configWarnings()) {
      stderr.write(`warning: ${warning}\n`);
    }
    return compose(loadConfig()).resolve(Program);
  } catch (error) {
    stderr.write(`${describeError(error)}\n`);
    process.exit(exitCodeOf(error));
  }
}
