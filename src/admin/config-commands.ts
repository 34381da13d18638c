/** `els config`: the settings, without any server. */
import { type Command, Option } from 'commander';
import { configWarnings, describeConfig, type Environment, loadConfig } from '../config/config.ts';
import { configEnvExample, configHelp, configMarkdown, configTable } from '../config/config-text.ts';
import { type AdminIo, formatTable, printResult } from './output.ts';

export function addConfigCommands(program: Command, environment: Environment | undefined, io: AdminIo): void {
  const config = program.command('config').description('look at the settings');

  config
    .command('print')
    .description('show every setting in use and where it comes from, passwords masked')
    .action((_options: unknown, command: Command) => {
      const settings = describeConfig(environment);
      const rows = settings.map(({ name, value, source }) => [name, value, source]);
      printResult(command, io, settings, formatTable(['NAME', 'VALUE', 'SOURCE'], rows));
      loadConfig(environment);
    });

  config
    .command('check')
    .description('check every setting; exit 78 with one line per mistake')
    .action((_options: unknown, command: Command) => {
      const warnings = configWarnings(environment);
      for (const warning of warnings) {
        io.stderr(`warning: ${warning}\n`);
      }
      loadConfig(environment);
      printResult(command, io, { valid: true, warnings }, 'the configuration is valid');
    });

  config
    .command('help')
    .description('explain every setting')
    .addOption(new Option('--markdown', 'the text of docs/CONFIG.md').conflicts('env'))
    .addOption(new Option('--env', 'the text of .env.example'))
    .action((options: { markdown?: true; env?: true }, command: Command) => {
      if (options.markdown === true || options.env === true) {
        io.stdout(options.env === true ? configEnvExample() : configMarkdown());
        return;
      }
      printResult(command, io, configTable(), configHelp());
    });
}
