/**
 * The end of every part, wherever its servers run: the script's failure becomes a finding, what was found is written
 * down, and the directory is judged.
 */
import { judgePart, type PartIdentity } from '../judge/judge-part.ts';
import { writeJunit } from '../report/junit.ts';
import { writeReport } from '../report/report-page.ts';
import { SCHEMA_VERSION } from '../run/environment.ts';
import { writeMeasured } from '../run/measured.ts';
import type { Part } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { exitCodeOf } from '../run/verdict.ts';
import type { Findings } from './findings.ts';

const SCRIPT_CHECK = 'harness';

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

/** Judges the directory and writes what people read about it. Also for a directory from another day. */
export async function writeVerdict(directory: RunDirectory, identity: PartIdentity): Promise<Part> {
  const part = await judgePart(directory, identity);
  const { environment } = directory;
  const { name: _name, directory: _directory, note: _note, ...judged } = part;
  const results = {
    schemaVersion: SCHEMA_VERSION,
    runId: environment.runId,
    scenario: environment.scenario,
    seed: environment.seed,
    startedAt: environment.startedAt,
    ...judged,
  } as const;
  await directory.writeResults({ ...results, exitCode: exitCodeOf(results) });
  await writeJunit(directory);
  await writeReport(directory);
  return part;
}
