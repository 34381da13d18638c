/**
 * Goal: when PostgreSQL's primary dies its standby takes over, and everything that was sent is placed and announced once
 * by its id. Method: the primary is killed under load and the standby promoted; workers know both hosts. A synchronous
 * standby has every transaction; an asynchronous one is cut off before, so that it lacks some that were acknowledged, and
 * Kafka has their positions as committed. What was lost is read from the dead server afterwards, so that the judge knows
 * which events in Kafka speak of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { outboundEventId } from '../../src/contract/event-id.ts';
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { PROMOTION_FAULT } from '../judge/evidence/run-evidence.ts';
import { writeLostEvents } from '../run/lost-events.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Standby } from '../stack/process/context.ts';
import type { StandbyKind } from '../stack/servers/standby.ts';
import { loadNow } from './steps.ts';

const RATE_PER_SECOND = 400;
/** Of the load, before anything is done; then what an asynchronous standby is to lose. */
const BEFORE_MS = 3_000;
const CUT_OFF_MS = 1_500;
const POLL_INTERVAL_MS = 20;
const WRITES_MS_MAX = 60_000;

export const pgFailover: Scenario = {
  name: 'pg_failover',
  goal: 'A failover of PostgreSQL loses no input, also when it loses transactions, and announces each completion once.',
  method: 'The primary is killed under load and its standby promoted: a synchronous one, and one that lacks the end.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) =>
      (['synchronous', 'asynchronous'] as const).map((standby) => part(request, workers, standby)),
    ),
};

function part(request: PartRequest, workers: number, standby: StandbyKind): PartPlan {
  const durationSeconds = request.tier === 'quick' ? 15 : 60;
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name: standby,
    workers,
    servers: { standby },
    options: load,
    run: async (stage) => {
      const { standby: pair } = stage.deps.stack;
      if (pair === undefined) throw new Error('a standby of our own is needed');
      await stage.startWorkers();
      stage.beginLoad();
      const sending = stage.send(loadNow(load));
      await Promise.all([sending, failOver(stage, pair, standby)]);
      await stage.quiesce();
    },
  };
}

async function failOver(stage: Stage, pair: Standby, kind: StandbyKind): Promise<void> {
  await stage.pause(BEFORE_MS);
  if (kind === 'asynchronous') {
    await pair.cutOff();
    await stage.pause(CUT_OFF_MS);
  }
  let promotedAtMs = 0;
  let killedAtMs = 0;
  let known: ReadonlySet<string> = new Set();
  let last = 0;
  const injector = {
    fault: PROMOTION_FAULT,
    target: pair.primary.name,
    start: async () => {
      killedAtMs = Date.now();
      await pair.primary.kill('SIGKILL');
      // All of them, not the last: numbers are not given in the order of the commits.
      known = await changesOn(stage, pair.server.port);
      last = await lastChange(stage, pair.server.port);
      await pair.promote();
      promotedAtMs = performance.now();
      return { gone: pair.primary.pid === undefined, promoted: pair.isPromoted, atMs: Date.now() };
    },
    stop: async () => ({ writable: (await lastChange(stage, pair.server.port)) > last }),
  };
  await stage.whileBroken(injector, async () => {
    while ((await lastChange(stage, pair.server.port)) <= last) {
      if (performance.now() - promotedAtMs > WRITES_MS_MAX) throw new Error('no worker writes after the promotion');
      await sleep(POLL_INTERVAL_MS);
    }
    stage.gate({
      name: 'Writes again after the promotion',
      measured: (performance.now() - promotedAtMs) / 1_000,
      target: TARGETS.writesAfterPromotionSecondsMax,
      comparison: '<=',
      unit: 's',
      source: 'promised',
    });
  });
  stage.afterwards(({ directory }) => findLost(stage, pair, { kind, known, killedAtMs, directory }));
}

/** Once the workers are gone, who would take the dead server for a primary when it comes back. */
async function findLost(
  stage: Stage,
  pair: Standby,
  failover: {
    readonly kind: StandbyKind;
    readonly known: ReadonlySet<string>;
    readonly killedAtMs: number;
    readonly directory: RunDirectory;
  },
): Promise<void> {
  const { kind, known, killedAtMs, directory } = failover;
  await pair.primary.start();
  try {
    const all = await changesOf(stage, pair.primary.port);
    const lost = all.filter(({ seq }) => !known.has(seq));
    const eventIds = new Set(lost.flatMap(eventOf));
    await writeLostEvents(directory, [...eventIds]);
    stage.findings.number('changes that the failover lost', lost.length);
    // An event is published when its transaction is acknowledged, and not before.
    let acknowledged = 0;
    for await (const { headers, timestampMs } of directory.readTopic('out')) {
      if (timestampMs < killedAtMs && eventIds.has(headers['event_id'] ?? '')) acknowledged += 1;
    }
    stage.findings.number('events of lost changes published before the failover', acknowledged);
    const isSynchronous = kind === 'synchronous';
    stage.findings.check({
      id: 'fault-bit',
      title: isSynchronous ? 'What was lost was acknowledged to nobody' : 'Acknowledged transactions were lost',
      verdict: isSynchronous ? acknowledged === 0 : acknowledged > 0 ? true : 'unknown',
      judged: all.length,
      message: `${acknowledged} events of lost changes were published before the failover`,
    });
  } finally {
    await pair.primary.stop();
  }
}

interface Change {
  readonly seq: string;
  readonly table_name: string;
  readonly batch_id: string;
  readonly row_id: string | null;
  readonly text_storage_id: string | null;
  readonly state: string | null;
}

/** The event that a change is announced by, if it is. */
function eventOf({
  table_name: table,
  batch_id: batchId,
  row_id: rowId,
  text_storage_id: text,
  state,
}: Change): string[] {
  if (table === 'slots' && text !== null) return [outboundEventId(batchId, EVENT_TYPES.slotAssigned, text)];
  if (table === 'excess_contents') return [outboundEventId(batchId, EVENT_TYPES.excess, rowId ?? '')];
  if (table === 'batches' && state === 'complete') return [outboundEventId(batchId, EVENT_TYPES.completed, '')];
  return [];
}

async function changesOf(stage: Stage, port: number): Promise<Change[]> {
  return onServer(stage, port, async (client) => {
    const { rows } = await client.query<Change>(
      `select seq, table_name, batch_id, row_id, new ->> 'text_storage_id' as text_storage_id, new ->> 'state' as state
       from harness.audit where batch_id is not null`,
    );
    return rows;
  });
}

async function changesOn(stage: Stage, port: number): Promise<ReadonlySet<string>> {
  return new Set((await changesOf(stage, port)).map(({ seq }) => seq));
}

/** Of the audit on this server. */
async function lastChange(stage: Stage, port: number): Promise<number> {
  return onServer(stage, port, async (client) => {
    const { rows } = await client.query<{ seq: string | null }>('select max(seq) as seq from harness.audit');
    return Number(rows[0]?.seq ?? 0);
  });
}

async function onServer<T>(stage: Stage, port: number, work: (client: Client) => Promise<T>): Promise<T> {
  const url = new URL(stage.deps.sandbox.addresses.databaseUrl);
  url.port = `${port}`;
  const client = new Client({ connectionString: url.href, application_name: 'harness-failover' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
