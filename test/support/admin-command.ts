import { ChildProgram } from './child-program.ts';

/** Runs one operator command as a process; its result, parsed. */
export async function runAdminCommand<Result>(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Result> {
  const command = new ChildProgram('src/bin/admin.ts', ['--json', ...args], env);
  const code = await command.exited();
  if (code !== 0) throw new Error(`els ${args.join(' ')}: exit ${code}: ${command.stderr}`);
  return JSON.parse(command.stdout) as Result;
}
