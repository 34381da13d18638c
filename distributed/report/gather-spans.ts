/** Faults and phases as spans of time. A fault that nobody stopped lasts to the end of the run, and says so. */
import { readFaultWindows } from '../run/fault-windows.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Span } from './report-data.ts';

/** More faults than this are a band of colour, not information. */
const FAULTS_MAX = 500;

export async function gatherSpans(run: RunDirectory): Promise<{ faults: Span[]; phases: Span[]; endSeconds: number }> {
  const startMs = Date.parse(run.environment.startedAt);
  const seconds = (wallMs: number) => Math.round(wallMs - startMs) / 1_000;
  const phases: { label: string; from: number; to: number }[] = [];
  let endSeconds = 0;
  for await (const { name, part, wallMs } of run.readPhases()) {
    const at = seconds(wallMs);
    endSeconds = Math.max(endSeconds, at);
    const previous = phases.at(-1);
    if (previous !== undefined) previous.to = at;
    if (name !== 'end') phases.push({ label: part === undefined ? name : `${part}: ${name}`, from: at, to: at });
  }
  const windows = await readFaultWindows(run);
  for (const { fromMs, untilMs } of windows) endSeconds = Math.max(endSeconds, seconds(untilMs ?? fromMs));
  const faults = windows.map(({ fault, target, fromMs, untilMs }): Span => {
    const label = `${fault} ${target}${untilMs === null ? ' (not stopped)' : ''}`;
    return { label, from: seconds(fromMs), to: untilMs === null ? endSeconds : seconds(untilMs) };
  });
  return { faults: faults.slice(0, FAULTS_MAX), phases, endSeconds };
}
