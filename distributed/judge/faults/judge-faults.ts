/** From a part's directory to its faults' outcomes. */
import type { FaultOutcome } from '../../run/fault-outcome.ts';
import { readFaultWindows } from '../../run/fault-windows.ts';
import { eachJsonLine } from '../../run/json-lines.ts';
import { topicRecordSchema } from '../../run/records.ts';
import type { RunDirectory } from '../../run/run-directory.ts';
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
