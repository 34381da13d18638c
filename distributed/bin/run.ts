/**
 * `pnpm test:distributed`: scenarios on real servers, and a verdict; `check`, `compare`, `logs`, `report` for finished
 * runs.
 */
import type { Command } from 'commander';
import { checkCommand } from '../command/check-command.ts';
import { describeScenarios, type Flags, harnessCommand, readRunOptions } from '../command/command-line.ts';
import { listenForInterrupt } from '../command/interrupt.ts';
import { runScenarios } from '../command/run-scenarios.ts';
import { runCompose } from '../compose/run-compose.ts';
import { compareCommand, logsCommand, reportCommand } from '../report/commands.ts';
import { textSummary } from '../report/text-summary.ts';
import { EXIT } from '../run/verdict.ts';
import { SCENARIOS } from '../scenarios/catalogue.ts';
import { DOCKER_COMPOSE } from '../scenarios/docker-compose.ts';
import { projectRoot } from '../stack/process/project-root.ts';

const program = harnessCommand().action((_flags, command: Command) => runAndReport(command));
for (const subcommand of [checkCommand(), compareCommand(), logsCommand(), reportCommand()]) {
  program.addCommand(subcommand);
}
await program.parseAsync();
process.exit();

async function runAndReport(command: Command): Promise<void> {
  const flags = command.opts<Flags>();
  if (flags.list) {
    process.stdout.write(`${describeScenarios()}\n`);
    return;
  }
  const root = projectRoot();
  const options = readRunOptions(command, root);
  const isCompose = options.scenarios.includes(DOCKER_COMPOSE.name);
  const output = flags.json ? process.stderr : process.stdout;
  const interrupt = listenForInterrupt();
  try {
    const { directory, results } = await (isCompose ? runCompose : runScenarios)({
      options,
      scenarios: SCENARIOS.filter(({ name }) => options.scenarios.includes(name)),
      root,
      output: {
        isTTY: output.isTTY === true,
        get columns() {
          return output.columns ?? 80;
        },
        write: (text) => output.write(text),
      },
      useColour: flags.color && !process.env['NO_COLOR'],
      signal: interrupt,
    });
    const summary = textSummary(results, directory.file('report.html'));
    process.stdout.write(flags.json ? `${JSON.stringify(results)}\n` : `\n${summary}`);
    process.exitCode = results.exitCode;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`test:distributed: ${interrupt.aborted ? 'interrupted' : message}\n`);
    process.exitCode = interrupt.aborted ? EXIT.interrupted : EXIT.environment;
  }
}
