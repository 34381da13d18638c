/**
 * From a part's directory to its verdict: invariants, races, and what the part measured itself. Offline and repeatable.
 */
import { readMeasured } from '../run/measured.ts';
import type { Check, Part, Race } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { mergeVerdict } from '../run/verdict.ts';
import { gatesOfFaults, judgeFaults } from './faults/judge-faults.ts';
import { judgeRun } from './judge-evidence.ts';
import { neededRaces, RaceCounter, racesOf } from './races/count-races.ts';

export interface PartIdentity {
  readonly name: string;
  /** Relative to the run's directory; absent when it is the run's directory itself. */
  readonly directory?: string;
}

export async function judgePart(directory: RunDirectory, identity: PartIdentity): Promise<Part> {
  const measured = await readMeasured(directory);
  const counter = new RaceCounter();
  const checks: Check[] = [...(await judgeRun(directory, { observer: counter })), ...measured.checks];
  const races = judgeRaces(directory, counter, checks);
  const faults = await judgeFaults(directory);
  return {
    ...identity,
    verdict: mergeVerdict(checks, races),
    durationMs: await durationOf(directory),
    checks,
    races,
    gates: [...measured.gates, ...gatesOfFaults(faults)],
    ...(faults.length > 0 && { faults }),
    numbers: measured.numbers,
    ...(measured.note === undefined ? {} : { note: measured.note }),
  };
}

function judgeRaces(directory: RunDirectory, counter: RaceCounter, checks: Check[]): Race[] {
  try {
    return racesOf(counter.result, neededRaces(directory.environment.options));
  } catch (error) {
    const note = `the races could not be counted: ${error instanceof Error ? error.message : String(error)}`;
    checks.push({ id: 'races', title: note, verdict: 'unknown', judged: 0, problemCount: 0, problems: [], note });
    return [];
  }
}

async function durationOf(directory: RunDirectory): Promise<number> {
  let first: number | null = null;
  let last = 0;
  for await (const { monoMs } of directory.readPhases()) {
    first ??= monoMs;
    last = monoMs;
  }
  return Math.max(0, last - (first ?? last));
}
