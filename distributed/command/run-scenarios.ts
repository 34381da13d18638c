/**
 * Scenarios on one stack: their parts one after the other, one verdict. What was judged before an interrupt is in the
 * report; the stack is gone in the end, however the command ends.
 */

import { WORKER_PROGRAM } from '../cluster/product.ts';
import type { ScreenOutput } from '../engine/display/live-screen.ts';
import type { PartPlan, Scenario } from '../engine/part-plan.ts';
import { runPart, type Surroundings } from '../engine/run-part.ts';
import { mutantProgram } from '../judge/mutants.ts';
import { Observation } from '../observe/observation.ts';
import { countOf } from '../report/format.ts';
import { describeEnvironment } from './describe-environment.ts';
import { type Ground, onStack } from './on-stack.ts';
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
  const parts = planParts(command);
  announceParts(options.seed, parts.length, say);
  // What is external is named by the environment, which a stack of any source follows.
  const source = options.stack === 'external' ? 'local' : options.stack;
  const indented = (line: string) => say(`  ${line}`);
  return onStack({ source, kafkaNodes: 1, root, signal, say: indented }, async (ground) => {
    const observation = options.observe ? await Observation.start({ onProgress: indented, signal }) : null;
    ground.releases.add(() => observation?.stop());
    const around = surroundingsOf(command, ground, observation);
    const outcome = await runParts({
      name: command.scenarios.map(({ name }) => name).join(','),
      seed: options.seed,
      options: { ...options },
      parts: parts.map((part) => plannedOn(around, part, options)),
      common: await describeEnvironment(root, ground.stack, options),
      outputFolder: options.outputFolder,
      signal,
      say,
    });
    await observation?.keep(outcome.directory.path).catch((error: Error) => say(`no metrics kept: ${error.message}`));
    return outcome;
  });
}

export function planParts({ options, scenarios }: Pick<Command, 'options' | 'scenarios'>): ScenarioPart[] {
  const { tier, durationSeconds } = options;
  const alongside = scenarios.map(({ name }) => name);
  return repetitionsOf(options).flatMap(({ seed, suffix }) =>
    scenarios.flatMap((scenario) => {
      const instances = options.instances ?? scenario.defaultInstances;
      const plans = scenario.parts({ seed, instances, tier, durationSeconds, alongside });
      return plans.map((plan) => ({ scenario, plan, seed, name: `${scenario.name}-${plan.name}${suffix}` }));
    }),
  );
}

function surroundingsOf(command: Command, { stack, sandboxes }: Ground, observation: Observation | null): Surroundings {
  const { options, root, output, useColour, signal } = command;
  const program = options.mutant === null ? WORKER_PROGRAM : mutantProgram(options.mutant);
  return { stack, sandboxes, root, program, signal, output, useColour, observation };
}

function plannedOn(
  around: Surroundings,
  { scenario, plan, seed, name }: ScenarioPart,
  { mutant, durationSeconds }: RunOptions,
): PlannedPart {
  const title = `${scenario.name}/${plan.name}`;
  const own = {
    mutant,
    durationSeconds,
    partitions: plan.partitions ?? null,
    cpuCores: plan.cpuCores ?? null,
    audit: plan.audit ?? true,
  };
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
    run: (directory, identity) => runPart({ ...around, plan, title, directory, identity }),
  };
}
