/**
 * One command from its arguments to an exit code: 0 ok, 1 failed, 2 wrong usage, 3 a server does not answer,
 * 78 wrong configuration. Never throws, never exits, opens only what the command needs.
 */
import { Command, CommanderError } from 'commander';
import { AppError, describeError } from '../errors.ts';
import { EXIT_CONFIG } from '../lifecycle.ts';
import { VERSION } from '../version.ts';
import { addBatchCommands } from './batch-commands.ts';
import { addConfigCommands } from './config-commands.ts';
import { addDeadLetterCommands } from './dead-letter-commands.ts';
import type { AdminDeps } from './deps.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addMigrateCommands } from './migrate-commands.ts';
import { addOutboxCommands } from './outbox-commands.ts';
import type { AdminIo } from './output.ts';
import { addTopicCommands } from './topic-commands.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 3;

export async function runAdmin(args: readonly string[], deps: AdminDeps, io: AdminIo): Promise<number> {
  try {
    await buildProgram(deps, io).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : EXIT_USAGE;
    }
    io.stderr(`${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}

function buildProgram(deps: AdminDeps, io: AdminIo): Command {
  const program = new Command('els')
    .description('Operate the Essay Lifecycle Service. Settings come from the environment: els config help.')
    .version(VERSION)
    .option('--json', 'print the result as JSON')
    .exitOverride()
    .configureOutput({ writeOut: io.stdout, writeErr: io.stderr })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Add --help for the options.')
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 wrong usage, 3 a server does not answer, 78 wrong configuration.',
    );
  addDoctorCommand(program, deps.probes, io);
  addMigrateCommands(program, deps.migrations, io);
  addTopicCommands(program, deps.topics, io);
  addBatchCommands(program, deps, io);
  addDeadLetterCommands(program, deps.deadLetters, io);
  addOutboxCommands(program, deps.outbox, io);
  addConfigCommands(program, deps.environment, io);
  return program;
}

function exitCodeOf(error: unknown): number {
  switch (error instanceof AppError ? error.code : undefined) {
    case 'CONFIG_INVALID':
    case 'START_CHECK_FAILED':
      return EXIT_CONFIG;
    case 'INVALID_INPUT':
      return EXIT_USAGE;
    case 'UNAVAILABLE':
    case 'STORE_FULL':
      return EXIT_ENVIRONMENT;
    default:
      return EXIT_FAILED;
  }
}
