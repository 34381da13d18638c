import { setTimeout as sleep } from 'node:timers/promises';
import { Program } from '../../../src/composition/program.ts';
import { composeWorker } from '../../../src/composition/worker.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { InboundRecord } from '../../../src/domain/ports.ts';
import { PostgresBatchStore } from '../../../src/postgres/batch-store.ts';
import { HandleGroup } from '../../../src/worker/settle/handle-group.ts';

/**
 * The real worker, with faults put in from outside; everything but the fault is the product's.
 *
 * ELS_TEST_DIE_AT_COMMIT=n: the process is killed the moment the n-th transaction that wrote events is known to be
 * committed. ELS_TEST_POISON=text: it is killed when it handles a record whose value contains the text.
 * ELS_TEST_HANDLE_DELAY_MS: every group takes that much longer. Each group that is handled is a line of the log.
 */
const { ELS_TEST_DIE_AT_COMMIT, ELS_TEST_POISON, ELS_TEST_HANDLE_DELAY_MS = '0' } = process.env;

/** No farewell: nothing of the process runs after it. */
function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('still alive');
}

const worker = composeWorker(loadConfig());

const store = worker.resolve(PostgresBatchStore);
let commitCount = 0;
/** Called with what a transaction has left, once it is known to be committed. */
function noteCommit(result: unknown): void {
  const { rows } = result as { rows?: readonly unknown[] };
  if (rows !== undefined && rows.length > 0) commitCount += 1;
  if (commitCount === Number(ELS_TEST_DIE_AT_COMMIT)) die();
}

const transaction = store.transaction.bind(store);
store.transaction = async (work) => {
  const result = await transaction(work);
  noteCommit(result);
  return result;
};
const assignContents = store.assignContents.bind(store);
store.assignContents = async (contents, assignment) => {
  const result = await assignContents(contents, assignment);
  noteCommit(result);
  return result;
};

const handler = worker.resolve(HandleGroup);
const handle = handler.handle.bind(handler);
handler.handle = async (records) => {
  if (records.some(isPoison)) die();
  const resolutions = await handle(records);
  await sleep(Number(ELS_TEST_HANDLE_DELAY_MS));
  const resolved = records.filter((_record, index) => resolutions[index]?.kind === 'resolved').map(nameOf);
  process.stdout.write(`${JSON.stringify({ msg: 'handled', resolved })}\n`);
  return resolutions;
};

function isPoison({ value }: InboundRecord): boolean {
  return ELS_TEST_POISON !== undefined && value !== null && Buffer.from(value).includes(ELS_TEST_POISON);
}

function nameOf({ topic, partition, offset }: InboundRecord): string {
  return `${topic}/${partition}/${offset}`;
}

await worker.resolve(Program).run();
