/**
 * The scenario that brings its own servers: the compose stack, once for each number of workers. Needs a Docker engine
 * with the compose plugin; without, one line says so and nothing is left behind.
 */

import { type CommonEnvironment, describeEnvironment } from '../command/describe-environment.ts';
import { announceParts, type Outcome, type PlannedPart, repetitionsOf, runParts } from '../command/run-parts.ts';
import type { Command } from '../command/run-scenarios.ts';
import { countOf } from '../report/format.ts';
import { DOCKER_COMPOSE, loadOf, racesNeeded } from '../scenarios/docker-compose.ts';
import { requireDockerCompose } from '../stack/containers/docker-engine.ts';
import { announced } from '../stack/process/progress.ts';
import { runComposePart } from './compose-part.ts';
import { ComposeProject } from './compose-project.ts';

export async function runCompose(command: Command): Promise<Outcome> {
  const { options, root, output, signal } = command;
  await requireDockerCompose();
  const say = (line: string) => output.write(`${line}\n`);
  const counts = options.instances ?? DOCKER_COMPOSE.defaultInstances;
  const parts = repetitionsOf(options).flatMap(({ seed, suffix }) =>
    counts.map((workers) => planned(command, workers, seed, suffix)),
  );
  announceParts(options.seed, parts.length, say);
  const common = await describeCommon(command);
  const builder = await ComposeProject.create({ root, workers: 1, without: options.without });
  const indented = (line: string) => say(`  ${line}`);
  await announced('building the image', indented, () => builder.build(signal));
  const { name } = DOCKER_COMPOSE;
  const { seed, outputFolder } = options;
  return runParts({ name, seed, options: { ...options }, parts, common, outputFolder, signal, say });
}

function planned(
  { options, root, output, signal }: Command,
  workers: number,
  seed: number,
  suffix: string,
): PlannedPart {
  const { without, tier, durationSeconds } = options;
  const name = `${DOCKER_COMPOSE.name}-${workers}-instances${suffix}`;
  const load = loadOf({ seed, tier, durationSeconds });
  const say = (line: string) => output.write(`  ${line}\n`);
  return {
    name,
    title: name,
    size: `${countOf(workers, 'worker')} in containers`,
    environment: {
      scenario: DOCKER_COMPOSE.name,
      seed,
      options: { ...load, without, races: racesNeeded(workers) },
      instances: workers,
    },
    run: async (directory, identity) => {
      const project = await ComposeProject.create({ root, workers, without });
      return runComposePart({ project, directory, identity, workers, without, load, signal, say });
    },
  };
}

/** The images as they are named; what is in them, the servers' logs say. */
async function describeCommon({ root, options }: Command): Promise<CommonEnvironment> {
  const project = await ComposeProject.create({ root, workers: 1, without: options.without });
  const images = await project.images();
  const image = (service: string) => images.get(service) ?? 'unknown';
  const description = { postgres: image('postgres'), redis: image('redis'), kafka: image('kafka') };
  return describeEnvironment(root, { description }, { ...options, stack: 'docker' });
}
