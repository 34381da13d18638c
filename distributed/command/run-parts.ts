/**
 * The sequence of every run, whatever its parts are and wherever they run. One part: the run's directory is the part's.
 * Several: one directory over all, each part in a folder of it, the overview written anew after each, so that a harness
 * that dies leaves what was judged. After an interrupt no further part begins, and what there is has been judged.
 */

import { join } from 'node:path';
import { readVerdict } from '../engine/conclude-part.ts';
import type { PartIdentity } from '../judge/judge-part.ts';
import { countOf } from '../report/format.ts';
import type { Environment } from '../run/environment.ts';
import type { Part, Results } from '../run/results.ts';
import { PARTS_FOLDER, RunDirectory, runIdOf } from '../run/run-directory.ts';
import type { CommonEnvironment } from './describe-environment.ts';
import { addToOverview, writeOverview } from './overview.ts';

/** Between the seeds of one repetition and the next. */
export const SEEDS_PER_REPETITION = 1_000;

export interface PlannedPart {
  /** Unique in the run, and good for a folder. */
  readonly name: string;
  /** For people: which part it is, and how many of what it runs on. */
  readonly title: string;
  readonly size: string;
  /** What its `env.json` tells besides what is common to the run. */
  readonly environment: Pick<Environment, 'scenario' | 'seed' | 'options' | 'instances'>;
  /** Before its directory is made: starts what the part runs on, where that is not there already. */
  readonly prepare?: () => Promise<Pick<Environment, 'servers'>>;
  readonly run: (directory: RunDirectory, identity: PartIdentity) => Promise<Part>;
}

export interface PartsRun {
  /** Scenarios, joined by commas. */
  readonly name: string;
  readonly seed: number;
  readonly options: Environment['options'];
  readonly parts: readonly PlannedPart[];
  readonly common: CommonEnvironment;
  readonly outputFolder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly directory: RunDirectory;
  readonly results: Results;
}

/** The seeds of all repetitions, and what the names of their parts end in. */
export function repetitionsOf({ seed, repeat }: { readonly seed: number; readonly repeat: number }) {
  return Array.from({ length: repeat }, (_, index) => ({
    seed: seed + index * SEEDS_PER_REPETITION,
    suffix: repeat > 1 ? `-${index + 1}` : '',
  }));
}

/** Before anything is started, which may take a while. */
export function announceParts(seed: number, partCount: number, say: (line: string) => void): void {
  say(`seed ${seed}, ${countOf(partCount, 'part')}`);
}

export function runParts(run: PartsRun): Promise<Outcome> {
  const [only] = run.parts;
  return run.parts.length === 1 && only !== undefined ? runOnly(run, only) : runSeveral(run);
}

async function runOnly(run: PartsRun, part: PlannedPart): Promise<Outcome> {
  const directory = await createDirectory(run, { ...part.environment, ...(await part.prepare?.()) });
  await runOne(run, part, directory, { name: part.name });
  return { directory, results: await readVerdict(directory, run.signal.aborted) };
}

async function runSeveral(run: PartsRun): Promise<Outcome> {
  const { name, seed, options, parts, signal } = run;
  const instances = Math.max(...parts.map(({ environment }) => environment.instances));
  const overview = await createDirectory(run, { scenario: name, seed, options, instances });
  const done: Part[] = [];
  for (const part of parts) {
    if (signal.aborted) break;
    const within = { folder: overview.file(PARTS_FOLDER), runId: part.name };
    const directory = await createDirectory(run, { ...part.environment, ...(await part.prepare?.()) }, within);
    done.push(await runOne(run, part, directory, { name: part.name, directory: join(PARTS_FOLDER, part.name) }));
    await addToOverview(overview, directory, part.name);
    await writeOverview(overview, done, signal.aborted);
  }
  return { directory: overview, results: await writeOverview(overview, done, signal.aborted) };
}

/** The directory of the run itself, named by its time, unless it is that of a part within it. */
function createDirectory(
  { common, name, seed, outputFolder }: PartsRun,
  own: PlannedPart['environment'] & Partial<Pick<Environment, 'servers'>>,
  within?: { readonly folder: string; readonly runId: string },
): Promise<RunDirectory> {
  const startedAt = new Date();
  const runId = within?.runId ?? runIdOf(startedAt, name, seed);
  const environment = { ...common, ...own, runId, startedAt: startedAt.toISOString() };
  return RunDirectory.create(within?.folder ?? outputFolder, environment);
}

async function runOne(
  { say }: PartsRun,
  part: PlannedPart,
  directory: RunDirectory,
  identity: PartIdentity,
): Promise<Part> {
  say(`${part.title}: ${part.size}`);
  const startedAtMs = performance.now();
  const judged = await part.run(directory, identity);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  say(`${part.title}: ${judged.verdict}, ${seconds} s`);
  return judged;
}
