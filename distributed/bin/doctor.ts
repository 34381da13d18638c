/**
 * `pnpm machine`: what the local stack needs and whether it is here. (Plain `pnpm doctor` is pnpm's own command, and
 * `els doctor` looks at the servers of a deployment.)
 */
import { Command } from 'commander';
import { reportMachine } from '../stack/doctor/doctor-report.ts';

const EXIT_ENVIRONMENT = 3;

await new Command('machine')
  .description('Prints what the local stack needs, what of it was found, and the command that mends what is missing.')
  .option('--json', 'print one JSON object instead of text')
  .addHelpText('after', '\nExit codes: 0 the local stack can start, 2 wrong usage, 3 something is missing.')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(async (options: { json?: boolean }) => {
    if (!(await reportMachine(options))) process.exitCode = EXIT_ENVIRONMENT;
  })
  .parseAsync();
