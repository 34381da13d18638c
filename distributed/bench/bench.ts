/** One bench from nothing to its files: who takes part, servers, rounds, `results.json` and `bench.html`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitOf } from '../command/describe-environment.ts';
import { releasing } from '../engine/releases.ts';
import { runIdOf } from '../run/run-directory.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import type { BenchRequest } from './bench-command.ts';
import { benchPage } from './bench-page.ts';
import { buildRelease, compile, type Release } from './builds.ts';
import type { Surroundings } from './contestants/catalogue.ts';
import { chooseContestants } from './contestants/choose.ts';
import { describeMachine } from './machine.ts';
import { Meter } from './meter.ts';
import { findNewerNode } from './newer-node.ts';
import { type ProfiledRun, profileWorker } from './profiled-run.ts';
import type { BenchResults } from './results.ts';
import { runBench } from './run-bench.ts';
import { runShapes } from './shapes/run-shapes.ts';

/** Whom shapes are about unless told otherwise. */
const SHAPED: readonly string[] = ['release', 'build'];

export interface Bench {
  readonly request: BenchRequest;
  readonly root: string;
  /** Where its folder is made. */
  readonly outputFolder: string;
  /** The command line that does the same again. */
  readonly command: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface BenchReport {
  readonly results: BenchResults;
  readonly folder: string;
  /** Null unless it was asked for. */
  readonly profile: ProfiledRun | null;
}

export async function bench({ request, root, outputFolder, command, signal, say }: Bench): Promise<BenchReport> {
  const startedAt = new Date();
  const folder = join(outputFolder, runIdOf(startedAt, 'bench', request.backlog.seed));
  const logFolder = join(folder, 'logs');
  await mkdir(logFolder, { recursive: true });
  say('compiling this checkout');
  await compile(root);
  const around = { root, logFolder, signal };
  const needs = { release: () => buildRelease(root, request.against, say), newerNode: findNewerNode };
  const isOfShapes = request.shapes.length > 0;
  const names = isOfShapes && request.only.length === 0 ? SHAPED : request.only;
  const { contestants, release, leftOut } = await chooseContestants(names, around, needs);
  return releasing(async (releases) => {
    const stack = await startStack({ source: 'local', onProgress: say });
    releases.add(() => stack.stop());
    const { backlog, repeats, peerRepeats } = request;
    const machine = await describeMachine(stack);
    const rows = isOfShapes
      ? []
      : await runBench({ stack, root, contestants, backlog, repeats, peerRepeats, signal, say });
    const shapes = isOfShapes ? await measureShapes(stack, request, { around, release, say }) : [];
    const results: BenchResults = {
      schemaVersion: 1,
      startedAt: startedAt.toISOString(),
      command,
      build: (await commitOf(root)) ?? 'no commit',
      release: release === null ? null : `${release.name} (${release.commit.slice(0, 12)})`,
      repeats,
      backlog,
      machine,
      rows,
      shapes,
      leftOut: [...leftOut],
    };
    await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
    await writeFile(join(folder, 'bench.html'), await benchPage(results));
    const profile = request.profile ? await profileWorker({ stack, around, backlog, folder }) : null;
    return { results, folder, profile };
  });
}

async function measureShapes(
  stack: Stack,
  { shapes, backlog, repeats, isQuick }: BenchRequest,
  { around, release, say }: { around: Surroundings; release: Release | null; say: (line: string) => void },
): Promise<BenchResults['shapes']> {
  return releasing(async (releases) => {
    const meter = await Meter.open(stack);
    releases.add(() => meter.close());
    const measured = { stack, around, release, meter, backlog, isQuick };
    return runShapes(shapes, measured, { repeats, signal: around.signal, say });
  });
}
