/**
 * One command: a stack, the parts of the scenarios one after the other, one verdict. What was judged before an interrupt
 * is in the report; the stack is gone in the end, however the command ends.
 */
import { join } from 'node:path';
import { WORKER_PROGRAM } from '../cluster/product.ts';
import type { ScreenOutput } from '../engine/display/live-screen.ts';
import type { PartPlan, Scenario } from '../engine/part-plan.ts';
import { runPart } from '../engine/run-part.ts';
import { Sandboxes } from '../engine/sandbox.ts';
import { Observation } from '../observe/observation.ts';
import type { Environment } from '../run/environment.ts';
import type { Part, Results } from '../run/results.ts';
import { RunDirectory, runIdOf } from '../run/run-directory.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { type CommonEnvironment, describeEnvironment } from './describe-environment.ts';
import { addToOverview, writeOverview } from './overview.ts';
import type { RunOptions } from './run-options.ts';

export interface Command {
  readonly options: RunOptions;
  readonly scenarios: readonly Scenario[];
  readonly root: string;
  readonly output: ScreenOutput;
  readonly useColour: boolean;
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly directory: RunDirectory;
  readonly results: Results;
}

interface PlannedPart {
  readonly scenario: Scenario;
  readonly plan: PartPlan;
  readonly seed: number;
  /** Unique in the run, and good for a folder. */
  readonly name: string;
}

const PARTS_FOLDER = 'parts';
const MUTANTS_FOLDER = 'test/mutants';

export async function runScenarios(command: Command): Promise<Outcome> {
  const { options, output, root } = command;
  const say = (line: string) => output.write(`${line}\n`);
  const parts = planParts(command);
  say(`seed ${options.seed}, ${parts.length} ${parts.length === 1 ? 'part' : 'parts'}`);
  // What is external is named by the environment, which a stack of any source follows.
  const source = options.stack === 'external' ? 'local' : options.stack;
  const stack = await startStack({ source, kafkaNodes: 1, onProgress: (line) => say(`  ${line}`) });
  const sandboxes = new Sandboxes(stack, root);
  let observation: Observation | null = null;
  try {
    command.signal.throwIfAborted();
    if (options.observe) {
      observation = await Observation.start({ onProgress: (line) => say(`  ${line}`), signal: command.signal });
    }
    const common = await describeEnvironment(root, stack, options);
    const outcome = await new ScenarioRun(command, { stack, sandboxes, common, parts, say, observation }).run();
    await observation?.keep(outcome.directory.path).catch((error: Error) => say(`no metrics kept: ${error.message}`));
    return outcome;
  } finally {
    await observation?.stop();
    await sandboxes.close().catch(() => undefined);
    await stack.stop();
  }
}

export function planParts({ options, scenarios }: Pick<Command, 'options' | 'scenarios'>): PlannedPart[] {
  const parts: PlannedPart[] = [];
  const { tier, durationSeconds } = options;
  const alongside = scenarios.map(({ name }) => name);
  for (let turn = 0; turn < options.repeat; turn++) {
    const seed = options.seed + turn * SEEDS_PER_TURN;
    for (const scenario of scenarios) {
      const instances = options.instances ?? scenario.defaultInstances;
      const plans = scenario.parts({ seed, instances, tier, durationSeconds, alongside });
      for (const plan of plans) {
        const suffix = options.repeat > 1 ? `-${turn + 1}` : '';
        parts.push({ scenario, plan, seed, name: `${scenario.name}-${plan.name}${suffix}` });
      }
    }
  }
  return parts;
}

const SEEDS_PER_TURN = 1_000;

class ScenarioRun {
  private readonly command: Command;
  private readonly stack: Stack;
  private readonly sandboxes: Sandboxes;
  private readonly common: CommonEnvironment;
  private readonly parts: readonly PlannedPart[];
  private readonly say: (line: string) => void;
  private readonly observation: Observation | null;

  constructor(
    command: Command,
    given: {
      stack: Stack;
      sandboxes: Sandboxes;
      common: CommonEnvironment;
      parts: readonly PlannedPart[];
      say: (line: string) => void;
      observation: Observation | null;
    },
  ) {
    this.command = command;
    this.stack = given.stack;
    this.sandboxes = given.sandboxes;
    this.common = given.common;
    this.parts = given.parts;
    this.say = given.say;
    this.observation = given.observation;
  }

  async run(): Promise<Outcome> {
    const [only] = this.parts;
    return this.parts.length === 1 && only !== undefined ? this.runOnly(only) : this.runAll();
  }

  /** A run of one part is its own directory. */
  private async runOnly(planned: PlannedPart): Promise<Outcome> {
    const { options } = this.command;
    const runId = runIdOf(new Date(), planned.scenario.name, planned.seed);
    const directory = await RunDirectory.create(options.outputFolder, this.environmentOf(planned, runId));
    await this.runOne(planned, directory, { name: planned.name });
    const results = await directory.readResults();
    if (results === null) throw new Error(`${directory.path} has no results`);
    const interrupted = this.command.signal.aborted;
    const final = interrupted ? { ...results, interrupted, exitCode: 130 } : results;
    if (interrupted) await directory.writeResults(final);
    return { directory, results: final };
  }

  private async runAll(): Promise<Outcome> {
    const { options, scenarios, signal } = this.command;
    const names = scenarios.map(({ name }) => name).join(',');
    const environment: Environment = {
      ...this.common,
      runId: runIdOf(new Date(), names, options.seed),
      scenario: names,
      seed: options.seed,
      options: { ...options },
      instances: Math.max(...this.parts.map(({ plan }) => plan.workers)),
      startedAt: new Date().toISOString(),
    };
    const overview = await RunDirectory.create(options.outputFolder, environment);
    const done: Part[] = [];
    for (const planned of this.parts) {
      if (signal.aborted) break;
      const directory = await RunDirectory.create(
        overview.file(PARTS_FOLDER),
        this.environmentOf(planned, planned.name),
      );
      const identity = { name: planned.name, directory: join(PARTS_FOLDER, planned.name) };
      done.push(await this.runOne(planned, directory, identity));
      await addToOverview(overview, directory, planned.name);
      // Written anew after every part: a harness that dies leaves what was judged.
      await writeOverview(overview, done, signal.aborted);
    }
    return { directory: overview, results: await writeOverview(overview, done, signal.aborted) };
  }

  private async runOne(
    planned: PlannedPart,
    directory: RunDirectory,
    identity: { name: string; directory?: string },
  ): Promise<Part> {
    const { output, useColour, signal, root, options } = this.command;
    const title = `${planned.scenario.name}/${planned.plan.name}`;
    this.say(`${title}: ${planned.plan.workers} ${planned.plan.workers === 1 ? 'instance' : 'instances'}`);
    const startedAtMs = performance.now();
    const program = options.mutant === null ? WORKER_PROGRAM : `${MUTANTS_FOLDER}/${options.mutant}.ts`;
    const { plan } = planned;
    const { stack, sandboxes, observation } = this;
    const part = await runPart({
      plan,
      identity,
      title,
      directory,
      stack,
      sandboxes,
      root,
      program,
      signal,
      output,
      useColour,
      observation,
    });
    const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
    this.say(`${title}: ${part.verdict}, ${seconds} s`);
    return part;
  }

  private environmentOf({ scenario, plan, seed }: PlannedPart, runId: string): Environment {
    const { mutant, durationSeconds } = this.command.options;
    const own = {
      mutant,
      durationSeconds,
      partitions: plan.partitions ?? null,
      cpuCores: plan.cpuCores ?? null,
      audit: plan.audit ?? true,
    };
    return {
      ...this.common,
      runId,
      scenario: `${scenario.name}/${plan.name}`,
      seed,
      options: { ...plan.options, ...own, workerEnv: plan.env ?? {}, races: plan.races ?? {} },
      instances: plan.workers,
      startedAt: new Date().toISOString(),
    };
  }
}
