/**
 * The scenario that brings its own servers: the compose stack, once for each number of workers. Needs a Docker engine with
 * the compose plugin; without, one line says so and nothing is left behind.
 */
import { join } from 'node:path';
import { type CommonEnvironment, describeEnvironment } from '../command/describe-environment.ts';
import { addToOverview, writeOverview } from '../command/overview.ts';
import type { Command, Outcome } from '../command/run-scenarios.ts';
import type { Environment } from '../run/environment.ts';
import type { Part } from '../run/results.ts';
import { RunDirectory, runIdOf } from '../run/run-directory.ts';
import { DOCKER_COMPOSE, loadOf, racesNeeded } from '../scenarios/docker-compose.ts';
import { requireDockerCompose } from '../stack/containers/docker-engine.ts';
import { announced, type Progress } from '../stack/process/progress.ts';
import { runComposePart } from './compose-part.ts';
import { ComposeProject } from './compose-project.ts';

const { name: SCENARIO } = DOCKER_COMPOSE;
const PARTS_FOLDER = 'parts';
const SEEDS_PER_TURN = 1_000;

interface Turn {
  readonly name: string;
  readonly workers: number;
  readonly seed: number;
}

export async function runCompose(command: Command): Promise<Outcome> {
  const { options, root, output, signal } = command;
  await requireDockerCompose();
  const say: Progress = (line) => output.write(`  ${line}\n`);
  const turns = planTurns(options);
  output.write(`seed ${options.seed}, ${turns.length} ${turns.length === 1 ? 'part' : 'parts'}\n`);
  const common = await describeCommon(command);
  const builder = await ComposeProject.create({ root, workers: 1, without: options.without });
  await announced('building the image', say, () => builder.build(signal));
  const [only] = turns;
  if (turns.length === 1 && only !== undefined) return runOnly(command, common, only, say);
  return runAll(command, common, turns, say);
}

function planTurns({ instances, repeat, seed }: Command['options']): Turn[] {
  const counts = instances ?? DOCKER_COMPOSE.defaultInstances;
  return Array.from({ length: repeat }, (_, index) =>
    counts.map((workers) => ({
      name: `${SCENARIO}-${workers}-instances${repeat > 1 ? `-${index + 1}` : ''}`,
      workers,
      seed: seed + index * SEEDS_PER_TURN,
    })),
  ).flat();
}

async function runOnly(command: Command, common: CommonEnvironment, turn: Turn, say: Progress): Promise<Outcome> {
  const runId = runIdOf(new Date(), SCENARIO, turn.seed);
  const directory = await RunDirectory.create(
    command.options.outputFolder,
    environmentOf(command, common, turn, runId),
  );
  await runTurn(command, directory, turn, { name: turn.name }, say);
  const results = await directory.readResults();
  if (results === null) throw new Error(`${directory.path} has no results`);
  if (!command.signal.aborted) return { directory, results };
  const final = { ...results, interrupted: true, exitCode: 130 };
  await directory.writeResults(final);
  return { directory, results: final };
}

async function runAll(
  command: Command,
  common: CommonEnvironment,
  turns: readonly Turn[],
  say: Progress,
): Promise<Outcome> {
  const { options, signal } = command;
  const largest = turns.reduce((most, turn) => (turn.workers > most.workers ? turn : most));
  const runId = runIdOf(new Date(), SCENARIO, options.seed);
  const overview = await RunDirectory.create(options.outputFolder, environmentOf(command, common, largest, runId));
  const done: Part[] = [];
  for (const turn of turns) {
    if (signal.aborted) break;
    const folder = overview.file(PARTS_FOLDER);
    const directory = await RunDirectory.create(folder, environmentOf(command, common, turn, turn.name));
    const identity = { name: turn.name, directory: join(PARTS_FOLDER, turn.name) };
    done.push(await runTurn(command, directory, turn, identity, say));
    await addToOverview(overview, directory, turn.name);
    await writeOverview(overview, done, signal.aborted);
  }
  return { directory: overview, results: await writeOverview(overview, done, signal.aborted) };
}

async function runTurn(
  { options, root, output, signal }: Command,
  directory: RunDirectory,
  { name, workers, seed }: Turn,
  identity: { name: string; directory?: string },
  say: Progress,
): Promise<Part> {
  const { without } = options;
  output.write(`${name}: ${workers} ${workers === 1 ? 'worker' : 'workers'} in containers\n`);
  const startedAtMs = performance.now();
  const project = await ComposeProject.create({ root, workers, without });
  const load = loadOf({ seed, tier: options.tier, durationSeconds: options.durationSeconds });
  const part = await runComposePart({ project, directory, identity, workers, without, load, signal, say });
  output.write(`${name}: ${part.verdict}, ${((performance.now() - startedAtMs) / 1_000).toFixed(1)} s\n`);
  return part;
}

/** The images as they are named; what is in them, the servers' logs say. */
async function describeCommon({ root, options }: Command): Promise<CommonEnvironment> {
  const project = await ComposeProject.create({ root, workers: 1, without: options.without });
  const images = await project.images();
  const image = (service: string) => images.get(service) ?? 'unknown';
  const description = { postgres: image('postgres'), redis: image('redis'), kafka: image('kafka') };
  return describeEnvironment(root, { description }, { ...options, stack: 'docker' });
}

function environmentOf(
  { options }: Command,
  common: CommonEnvironment,
  { workers, seed }: Turn,
  runId: string,
): Environment {
  const { without, tier, durationSeconds } = options;
  const load = loadOf({ seed, tier, durationSeconds });
  return {
    ...common,
    runId,
    scenario: SCENARIO,
    seed,
    options: { ...load, without, races: racesNeeded(workers) },
    instances: workers,
    startedAt: new Date().toISOString(),
  };
}
