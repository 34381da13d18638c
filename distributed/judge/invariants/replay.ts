/** I19: reading everything a second time changes nothing, row for row. */
import { readJsonLines } from '../../run/json-lines.ts';
import { type TableRow, tableRowSchema } from '../../run/records.ts';
import type { Problem } from '../../run/results.ts';
import type { TableFile } from '../../run/run-directory.ts';
import type { Answer, Checker } from '../checker.ts';
import type { RunEvidence } from '../evidence/run-evidence.ts';

/** Tables that a replay must not touch, and what tells their rows apart. */
const TABLES: readonly (readonly [TableFile, readonly string[]])[] = [
  ['batches', ['id']],
  ['slots', ['essay_id']],
  ['excess_contents', ['batch_id', 'text_storage_id']],
  ['failures', ['batch_id', 'file_upload_id']],
  ['pending_inputs', ['batch_id', 'kind', 'identity']],
  ['outbox', ['id']],
];

/** Where the tables lie as they were before the replay. */
export const BEFORE_REPLAY_FOLDER = 'before-replay';

export const replayChangesNothing: Checker = {
  id: 'I19',
  title: 'Reading all inputs again changes nothing',
  applies: (run) => run.phases.some((phase) => phase.name === 'replay'),
  async run(run, answer) {
    for (const [table, keys] of TABLES) await compare(run, table, keys, answer);
  },
};

/**
 * Both files are in the order of their keys, so equal tables are compared line by line; only lines that found no equal
 * yet are kept.
 */
async function compare(run: RunEvidence, table: TableFile, keys: readonly string[], answer: Answer): Promise<void> {
  const before = rowsOf(run, table, BEFORE_REPLAY_FOLDER);
  const after = rowsOf(run, table);
  const unmatched = { before: new Map<string, string>(), after: new Map<string, string>() };
  for (;;) {
    const [old, now] = [(await before.next()).value, (await after.next()).value];
    if (old === undefined && now === undefined) break;
    settle(old, keys, unmatched.after, unmatched.before, answer);
    settle(now, keys, unmatched.before, unmatched.after, answer);
  }
  for (const key of new Set([...unmatched.before.keys(), ...unmatched.after.keys()])) {
    answer.holds(false, () => differenceOf(table, key, unmatched.before.get(key), unmatched.after.get(key)));
  }
}

function settle(
  row: TableRow | undefined,
  keys: readonly string[],
  others: Map<string, string>,
  own: Map<string, string>,
  answer: Answer,
): void {
  if (row === undefined) return;
  const key = keys.map((name) => String(row[name])).join(' ');
  const text = JSON.stringify(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
  if (others.get(key) === text) {
    others.delete(key);
    answer.holds(true, () => ({ message: key }));
  } else own.set(key, text);
}

function rowsOf(run: RunEvidence, table: TableFile, folder = ''): AsyncGenerator<TableRow, undefined> {
  return readJsonLines(run.directory.file(folder, 'tables', `${table}.jsonl`), tableRowSchema) as AsyncGenerator<
    TableRow,
    undefined
  >;
}

function differenceOf(table: string, key: string, before: string | undefined, after: string | undefined): Problem {
  const what = before === undefined ? 'appeared' : after === undefined ? 'vanished' : 'changed';
  const timeline = [
    { wallMs: 0, text: `before: ${before ?? 'nothing'}` },
    { wallMs: 0, text: `after: ${after ?? 'nothing'}` },
  ];
  return { message: `${table} ${key} ${what} in the replay`, records: [`${table} ${key}`], timeline };
}
