/** From a part's directory to its faults' outcomes, and from those to a gate for each limit that was judged. */
import type { FaultOutcome, Timing } from '../../run/fault-outcome.ts';
import { readFaultWindows } from '../../run/fault-windows.ts';
import { eachJsonLine } from '../../run/json-lines.ts';
import { topicRecordSchema } from '../../run/records.ts';
import type { Gate } from '../../run/results.ts';
import type { RunDirectory } from '../../run/run-directory.ts';
import { gatePasses } from '../../run/verdict.ts';
import { faultOutcomes } from './fault-outcomes.ts';
import { WatchEvidence } from './watch-evidence.ts';

export async function judgeFaults(directory: RunDirectory): Promise<FaultOutcome[]> {
  const windows = await readFaultWindows(directory);
  if (windows.length === 0) return [];
  const watch = new WatchEvidence();
  for await (const record of directory.readWatch()) watch.add(record);
  return faultOutcomes(windows, watch, await readInputs(directory));
}

async function readInputs(directory: RunDirectory): Promise<Map<string, number[]>> {
  const inputs = new Map<string, number[]>();
  await eachJsonLine(directory.file('topics', 'in.jsonl'), topicRecordSchema, (record) => {
    const partition = `${record.topic}/${record.partition}`;
    const takenAtMs = inputs.get(partition) ?? [];
    inputs.set(partition, takenAtMs);
    takenAtMs[record.offset] = record.timestampMs;
  });
  return inputs;
}

const GATES = [
  { of: 'noticed', name: 'From a fault until every worker that it concerns says so' },
  { of: 'alerted', name: 'From a fault until an alert fires' },
  { of: 'recovered', name: 'From a fault, or its end, until work is normal again' },
] as const;

/** The longest of those with the same limit, with each as a sample. */
export function gatesOfFaults(faults: readonly FaultOutcome[]): Gate[] {
  return GATES.flatMap(({ of, name }) => {
    const numbered = faults.map((fault, index) => ({ timing: fault[of], what: `F${index + 1} ${fault.fault}` }));
    const judged = numbered.filter(({ timing }) => timing.answer !== 'not judged');
    const limits = [...new Set(judged.map(({ timing }) => timing.limitMs ?? 0))].sort((one, other) => one - other);
    return limits.map((limitMs) =>
      gateOf(
        `${name}, limit ${limitMs / 1_000} s`,
        limitMs,
        judged.filter(({ timing }) => timing.limitMs === limitMs),
      ),
    );
  });
}

function gateOf(
  name: string,
  limitMs: number,
  judged: readonly { readonly timing: Timing; readonly what: string }[],
): Gate {
  const secondsOf = ({ timing }: { timing: Timing }) => (timing.afterMs ?? 0) / 1_000;
  const longest = [...judged].sort((one, other) => secondsOf(other) - secondsOf(one))[0];
  const measured = Math.max(...judged.map(secondsOf));
  const target = limitMs / 1_000;
  const atLeast = longest?.timing.isAtLeast === true ? ', at least' : '';
  return {
    name,
    measured,
    target,
    comparison: '<=',
    unit: 's',
    passed: gatePasses(measured, '<=', target),
    source: 'aimed at',
    note: `the longest of ${judged.length}: ${longest?.what ?? ''}${atLeast}`,
    samples: judged.map(secondsOf),
  };
}
