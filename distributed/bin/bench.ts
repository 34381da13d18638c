/** `pnpm bench`: this build beside floors, peers and the last release, on this machine. Never a gate. */
import { join } from 'node:path';
import { bench } from '../bench/bench.ts';
import { benchCommand, readRequest } from '../bench/bench-command.ts';
import { knownNames, unknownNames } from '../bench/contestants/choose.ts';
import { describeProfile } from '../bench/profiled-run.ts';
import { publish } from '../bench/publish.ts';
import { isAnyWrong, textTable } from '../bench/table.ts';
import { listenForInterrupt } from '../command/interrupt.ts';
import { EXIT } from '../run/verdict.ts';
import { projectRoot } from '../stack/process/project-root.ts';
import { STACK_VARIABLES } from '../stack/servers/external.ts';

const command = benchCommand()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
  .parse();
const flags = command.opts<Parameters<typeof readRequest>[0] & { publish?: string }>();
const root = projectRoot();
const signal = listenForInterrupt();

try {
  process.exitCode = flags.publish === undefined ? await measure() : await publishTable(flags.publish);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = EXIT.environment;
}
if (signal.aborted) process.exitCode = EXIT.interrupted;
process.exit();

async function measure(): Promise<number> {
  const request = readRequest(flags);
  const around = { root, logFolder: '', signal };
  const unknown = unknownNames(request.only, around);
  if (unknown.length > 0) {
    command.error(`error: no ${unknown.join(', ')}; there is ${knownNames(around).join(', ')}`, {
      exitCode: EXIT.usage,
    });
  }
  for (const variable of Object.values(STACK_VARIABLES)) delete process.env[variable];
  const { results, folder, profile } = await bench({
    request,
    root,
    outputFolder: join(root, 'runs'),
    command: `pnpm bench ${process.argv.slice(2).join(' ')}`.trim(),
    signal,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  process.stdout.write(`\n${textTable(results)}\n`);
  if (profile !== null) process.stdout.write(`\n${describeProfile(profile)}\n`);
  process.stdout.write(`\n${join(folder, 'bench.html')}\n`);
  return isAnyWrong(results) ? EXIT.invalid : EXIT.valid;
}

async function publishTable(file: string): Promise<number> {
  await publish(root, file);
  return EXIT.valid;
}
