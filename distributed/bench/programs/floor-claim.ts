/**
 * The product's own statements through pg on one connection: the claim alone, committed by itself; what a group of
 * contents costs as a transaction (begin, claim, outbox, commit); and the one statement that does it all.
 */
import pg from 'pg';
import { compactHead } from '../../../src/contract/compact-events.ts';
import { HOT_PLAN_SETTINGS } from '../../../src/postgres/database.ts';
import { APPEND_OUTBOX } from '../../../src/postgres/sql/append-outbox.ts';
import { ASSIGN_CONTENTS } from '../../../src/postgres/sql/assign-contents.ts';
import { CLAIM_SLOTS } from '../../../src/postgres/sql/claim-slots.ts';
import type { PlannedContent } from '../../generator/plan.ts';
import { floorContents, setting, timed, topics } from './floor.ts';

/** As large as the compact form of an event. */
const BYTES_PER_EVENT = 300;
const LEASE_MS = 30_000;
const INSTANCE = 'floor';

const size = Number(setting('BENCH_GROUP'));
const contents = floorContents();
const groups = Array.from({ length: Math.ceil(contents.length / size) }, (_, index) =>
  contents.slice(index * size, (index + 1) * size),
);
const client = new pg.Client({
  connectionString: setting('DATABASE_URL'),
  options: Object.entries(HOT_PLAN_SETTINGS)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' '),
});
const work = { claim, transaction, assign }[setting('BENCH_WORK')];
if (work === undefined) throw new Error('BENCH_WORK is claim, transaction or assign');

await client.connect();
await timed(async () => {
  for (const group of groups) await work(group);
});

async function claim(group: readonly PlannedContent[]): Promise<void> {
  await client.query({ name: 'claim', text: CLAIM_SLOTS, values: [...columns(group), INSTANCE] });
}

async function transaction(group: readonly PlannedContent[]): Promise<void> {
  await client.query('begin');
  await claim(group);
  const messages = 'x'.repeat(BYTES_PER_EVENT * group.length);
  const values = [INSTANCE, messages, group.length, LEASE_MS, []];
  await client.query({ name: 'append', text: APPEND_OUTBOX, values });
  await client.query('commit');
}

async function assign(group: readonly PlannedContent[]): Promise<void> {
  const nothing = group.map(() => null);
  const correlations = group.map(({ correlationId }) => correlationId);
  const head = compactHead(topics(), Date.now());
  const values = [...columns(group), INSTANCE, correlations, nothing, nothing, head, LEASE_MS];
  await client.query({ name: 'assign', text: ASSIGN_CONTENTS, values });
}

function columns(group: readonly PlannedContent[]): string[][] {
  return [
    group.map(({ kind }) => kind),
    group.map(({ batchId }) => batchId),
    group.map(({ textStorageId }) => textStorageId),
    group.map(({ fileUploadId }) => fileUploadId),
    group.map(({ originalFileName }) => originalFileName),
  ];
}
