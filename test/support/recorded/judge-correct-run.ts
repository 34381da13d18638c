/** Judges a correct run after a test has spoilt it, and tells the verdicts apart. */
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type JudgeOptions, judgeRun } from '../../../distributed/judge/judge-evidence.ts';
import type { Check } from '../../../distributed/run/results.ts';
import type { RunDirectory } from '../../../distributed/run/run-directory.ts';
import type { CorrectRun } from './correct-run.ts';
import type { Row } from './correct-service.ts';

export async function judge(
  run: CorrectRun,
  options: JudgeOptions = {},
  spoil?: (directory: RunDirectory) => Promise<void>,
) {
  const directory = await run.write();
  try {
    await spoil?.(directory);
    return await judgeRun(directory, options);
  } finally {
    await rm(dirname(directory.path), { recursive: true });
  }
}

export const failing = (checks: readonly Check[]) =>
  checks.filter((check) => check.verdict === false).map((check) => check.id);
export const unsure = (checks: readonly Check[]) =>
  checks.filter((check) => check.verdict === 'unknown').map((check) => check.id);

export const filled = ({ tables }: CorrectRun): Row[] => tables.slots.filter((slot) => slot['status'] === 'filled');
export const records = ({ topics }: CorrectRun, type: string) => topics.out.filter((record) => record.topic === type);

/** Rewrites the data of a published event. */
export function alter(record: { value: string | null }, change: (data: Row) => void): void {
  const event = JSON.parse(record.value ?? '') as Row;
  change(event['data']);
  record.value = JSON.stringify(event);
}
