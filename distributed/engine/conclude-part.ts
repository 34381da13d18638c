/**
 * The end of every part, wherever its servers run: the script's failure becomes a finding, what was found is written
 * down, and the directory is judged.
 */
import { judgePart, type PartIdentity } from '../judge/judge-part.ts';
import { writeJunit } from '../report/junit.ts';
import { writeReport } from '../report/report-page.ts';
import { SCHEMA_VERSION } from '../run/environment.ts';
import { readMeasured, writeMeasured } from '../run/measured.ts';
import type { Part, Results } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { RunDirectoryError } from '../run/run-directory-error.ts';
import { exitCodeOf } from '../run/verdict.ts';
import type { Findings } from './findings.ts';

const SCRIPT_CHECK = 'harness';

/** What is not in the directory's environment already. */
type Judged = Omit<Results, 'schemaVersion' | 'runId' | 'scenario' | 'seed' | 'startedAt' | 'exitCode'>;

export interface Script {
  readonly findings: Findings;
  readonly signal: AbortSignal;
  readonly run: () => Promise<void>;
  /** After a failure: what was sent may still get its fate. */
  readonly settle: () => Promise<unknown>;
}

/** Runs a part's script. It may fail: what happened until then is collected and judged all the same. */
export async function followScript({ findings, signal, run, settle }: Script): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!signal.aborted) {
      const message = error instanceof Error ? error.message : String(error);
      const title = 'The part ran to its end';
      findings.check({ id: SCRIPT_CHECK, title, verdict: 'unknown', message, note: message });
    }
    await settle().catch(() => undefined);
  }
}

/** Whether the script came to its end, so that the outcome must be the planned one. */
export function isWhole(findings: Findings, signal: AbortSignal): boolean {
  return !signal.aborted && !findings.checks.some(({ id }) => id === SCRIPT_CHECK);
}

export async function writeFindings(directory: RunDirectory, findings: Findings, signal: AbortSignal): Promise<void> {
  const { checks, gates, numbers, notes } = findings;
  await writeMeasured(directory, {
    checks,
    gates,
    numbers,
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
    ...(signal.aborted ? { interrupted: true } : {}),
  });
}

/** Judges the directory from its files alone, also one of another day, and writes down what came of it. */
export async function writeVerdict(directory: RunDirectory, identity: PartIdentity): Promise<Part> {
  const part = await judgePart(directory, identity);
  const { name: _name, directory: _directory, note: _note, ...judged } = part;
  const { interrupted } = await readMeasured(directory);
  await writeResults(directory, interrupted === true ? { ...judged, interrupted } : judged);
  return part;
}

/** The results of a judged directory; those of a run that was interrupted say so, and end with that exit code. */
export async function readVerdict(directory: RunDirectory, interrupted: boolean): Promise<Results> {
  const results = await directory.readResults();
  if (results === null) throw new RunDirectoryError(`${directory.path} could not be judged`);
  if (!interrupted || results.interrupted === true) return results;
  return writeResults(directory, { ...results, interrupted });
}

/** Results for programs (JSON, JUnit) and for people (the page). */
export async function writeResults(directory: RunDirectory, judged: Judged): Promise<Results> {
  const { runId, scenario, seed, startedAt } = directory.environment;
  const head = { schemaVersion: SCHEMA_VERSION, runId, scenario, seed, startedAt } as const;
  const results: Results = { ...head, ...judged, exitCode: exitCodeOf(judged) };
  await directory.writeResults(results);
  await writeJunit(directory);
  await writeReport(directory);
  return results;
}
