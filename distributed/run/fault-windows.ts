/** Faults from the lines of `faults.jsonl`, each with its beginning and its end, in the order in which they were begun. */
import type { FaultRecord } from './records.ts';
import type { RunDirectory } from './run-directory.ts';

export interface FaultWindow {
  readonly fault: string;
  readonly target: string;
  /** When it was announced. */
  readonly fromMs: number;
  /** When it was mended; null: nobody did. */
  readonly untilMs: number | null;
  /** What was seen of it, as its stop tells. */
  readonly evidence: unknown;
}

export async function readFaultWindows(directory: Pick<RunDirectory, 'readFaults'>): Promise<FaultWindow[]> {
  const records: FaultRecord[] = [];
  for await (const record of directory.readFaults()) records.push(record);
  return faultWindowsOf(records);
}

export function faultWindowsOf(records: readonly FaultRecord[]): FaultWindow[] {
  const open = new Map<string, number[]>();
  const windows: FaultWindow[] = [];
  for (const { fault, target, phase, wallMs, evidence } of records) {
    const name = `${fault} ${target}`;
    const started = open.get(name) ?? [];
    open.set(name, started);
    if (phase === 'start') {
      started.push(windows.push({ fault, target, fromMs: wallMs, untilMs: null, evidence }) - 1);
    } else {
      const index = started.shift() ?? windows.length;
      windows[index] = { fault, target, fromMs: windows[index]?.fromMs ?? wallMs, untilMs: wallMs, evidence };
    }
  }
  return windows;
}
