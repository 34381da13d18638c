/**
 * Scenarios, their parts one after the other on the servers that each needs, and one verdict. What was judged before an
 * interrupt is in the report; the servers are gone in the end, however the command ends.
 */

import { WORKER_PROGRAM } from '../cluster/product.ts';
import type { ScreenOutput } from '../engine/display/live-screen.ts';
import type { PartPlan, Scenario } from '../engine/part-plan.ts';
import { releasing } from '../engine/releases.ts';
import { runPart } from '../engine/run-part.ts';
import { mutantProgram } from '../judge/mutants.ts';
import { CRASHING_PROGRAM } from '../nemesis/crash-points.ts';
import { Observation } from '../observe/observation.ts';
import { countOf } from '../report/format.ts';
import { canFakeTime } from '../stack/programs/faketime.ts';
import { canMakeSmallDisk } from '../stack/servers/small-disk.ts';
import { describeEnvironment, describeServers } from './describe-environment.ts';
import { Grounds } from './on-stack.ts';
import type { RunOptions } from './run-options.ts';
import { announceParts, type Outcome, type PlannedPart, repetitionsOf, runParts } from './run-parts.ts';

export interface Command {
  readonly options: RunOptions;
  readonly scenarios: readonly Scenario[];
  readonly root: string;
  readonly output: ScreenOutput;
  readonly useColour: boolean;
  readonly signal: AbortSignal;
}

/** A part of a scenario, before it is known what it will run on. */
export interface ScenarioPart {
  readonly scenario: Scenario;
  readonly plan: PartPlan;
  readonly seed: number;
  readonly name: string;
}

export async function runScenarios(command: Command): Promise<Outcome> {
  const { options, output, root, signal } = command;
  const say = (line: string) => output.write(`${line}\n`);
  const planned = planParts(command);
  // Skipped is not passed: it is said, and a run of nothing else is none.
  const parts: ScenarioPart[] = [];
  for (const part of planned) {
    const lacking = await lackingFor(part.plan, options.stack);
    if (lacking === null) parts.push(part);
    else say(`${part.name}: skipped, needs ${lacking}`);
  }
  const [first] = parts;
  if (first === undefined) throw new Error('nothing to run on this stack');
  announceParts(options.seed, parts.length, say);
  // What is external is named by the environment, which a stack of any source follows.
  const source = options.stack === 'external' ? 'local' : options.stack;
  const indented = (line: string) => say(`  ${line}`);
  return releasing(async (releases) => {
    const grounds = new Grounds({ source, root, signal, say: indented });
    releases.add(() => grounds.close());
    const { stack } = await grounds.with(first.plan.servers ?? {});
    const observation = options.observe ? await Observation.start({ onProgress: indented, signal }) : null;
    releases.add(() => observation?.stop());
    const outcome = await runParts({
      name: command.scenarios.map(({ name }) => name).join(','),
      seed: options.seed,
      options: { ...options },
      parts: parts.map((part) => plannedOn(grounds, part, command, observation)),
      common: await describeEnvironment(root, stack, options),
      outputFolder: options.outputFolder,
      signal,
      say,
    });
    await observation?.keep(outcome.directory.path).catch((error: Error) => say(`no metrics kept: ${error.message}`));
    return outcome;
  });
}

/** What a part needs and this command or machine has not. */
async function lackingFor({ servers }: PartPlan, stack: RunOptions['stack']): Promise<string | null> {
  if (servers === undefined) return null;
  if (stack !== 'local') return '--stack local';
  if (servers.smallDisk !== undefined && !(await canMakeSmallDisk())) return 'root, to mount a small disk';
  if (servers.clocks === true && !canFakeTime()) return 'libfaketime';
  return null;
}

/** In the order of the catalogue, but parts that need the same servers one after the other. */
export function planParts({ options, scenarios }: Pick<Command, 'options' | 'scenarios'>): ScenarioPart[] {
  const { tier, durationSeconds } = options;
  const alongside = scenarios.map(({ name }) => name);
  const parts = repetitionsOf(options).flatMap(({ seed, suffix }) =>
    scenarios.flatMap((scenario) => {
      const instances = options.instances ?? scenario.defaultInstances;
      const plans = scenario.parts({ seed, instances, tier, durationSeconds, alongside });
      return plans.map((plan) => ({ scenario, plan, seed, name: `${scenario.name}-${plan.name}${suffix}` }));
    }),
  );
  const needsOf = ({ plan }: ScenarioPart) => JSON.stringify(plan.servers ?? {});
  const kinds = [...new Set(parts.map(needsOf))];
  return kinds.flatMap((kind) => parts.filter((part) => needsOf(part) === kind));
}

function plannedOn(
  grounds: Grounds,
  { scenario, plan, seed, name }: ScenarioPart,
  { options, root, output, useColour, signal }: Command,
  observation: Observation | null,
): PlannedPart {
  const title = `${scenario.name}/${plan.name}`;
  const { mutant, durationSeconds } = options;
  const right = plan.endsWorkers === true ? CRASHING_PROGRAM : WORKER_PROGRAM;
  const program = mutant === null ? right : mutantProgram(mutant);
  const own = {
    mutant,
    durationSeconds,
    partitions: plan.partitions ?? null,
    cpuCores: plan.cpuCores ?? null,
    audit: plan.audit ?? true,
  };
  const ground = () => grounds.with(plan.servers ?? {});
  return {
    name,
    title,
    size: countOf(plan.workers, 'instance'),
    environment: {
      scenario: title,
      seed,
      options: { ...plan.options, ...own, workerEnv: plan.env ?? {}, races: plan.races ?? {} },
      instances: plan.workers,
    },
    prepare: async () => ({ servers: describeServers((await ground()).stack) }),
    run: async (directory, identity) => {
      const { stack, sandboxes } = await ground();
      const around = { stack, sandboxes, root, program, signal, output, useColour, observation };
      return runPart({ ...around, plan, title, directory, identity });
    },
  };
}
