/** How fast events get out beside one destination that takes nothing, and what becomes of those that go there. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { withAdmin } from '../cluster/kafka-client.ts';
import type { Stage } from '../engine/stage.ts';
import type { SendableLoad } from '../generator/sendable.ts';

const DRAIN_MS_MAX = 120_000;
const POLL_INTERVAL_MS = 50;

/** How long after the first send every batch of these loads was announced complete in Kafka. */
export async function announcedAfter(stage: Stage, loads: readonly SendableLoad[]): Promise<number> {
  const { kafka, sandbox } = stage.deps;
  const startedAtMs = performance.now();
  return withAdmin(kafka, async (admin) => {
    const announced = () => endOf(admin, sandbox.topics.completed);
    const wanted = (await announced()) + loads.reduce((sum, { manifest }) => sum + manifest.batches.length, 0);
    for (const load of loads) await stage.send(load);
    while ((await announced()) < wanted) {
      if (performance.now() - startedAtMs > DRAIN_MS_MAX) throw new Error(`not announced after ${DRAIN_MS_MAX} ms`);
      await sleep(POLL_INTERVAL_MS);
    }
    return performance.now() - startedAtMs;
  });
}

/** Records of a topic. A look may fail while leaders move. */
async function endOf(admin: Admin, topic: string): Promise<number> {
  const giveUpAtMs = performance.now() + DRAIN_MS_MAX;
  for (;;) {
    try {
      const partitions = await admin.fetchTopicOffsets(topic);
      return partitions.reduce((sum, { high }) => sum + Number(high), 0);
    } catch (error) {
      if (performance.now() > giveUpAtMs) throw error;
      await sleep(POLL_INTERVAL_MS);
    }
  }
}

/** What goes to the sick destination must be waiting now, and none of it given up. */
export async function judgeWaiting(stage: Stage): Promise<void> {
  const { databaseUrl } = stage.deps.sandbox.addresses;
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-look' });
  await client.connect();
  try {
    const { rows } = await client.query<{ waiting: number; dead: number }>(
      `select count(*) filter (where published_at is null and not dead)::int as waiting,
              count(*) filter (where dead)::int as dead
       from outbox`,
    );
    const { waiting = 0, dead = 0 } = rows[0] ?? {};
    stage.findings.check({
      id: 'fault-bit',
      title: 'Events for the sick destination waited in the outbox',
      verdict: waiting > 0 ? true : 'unknown',
      judged: waiting,
      message: 'nothing waited: the destination was not missed',
    });
    stage.findings.check({
      id: 'none-dead',
      title: 'No event was given up because its destination took nothing',
      verdict: dead === 0,
      judged: waiting + dead,
      message: `${dead} rows are dead`,
    });
  } finally {
    await client.end();
  }
}

export function gateOthers(stage: Stage, withoutMs: number, withMs: number): void {
  stage.findings.number('announced, all destinations well', withoutMs, { unit: 'ms', better: 'lower' });
  stage.findings.number('announced, one destination sick', withMs, { unit: 'ms', better: 'lower' });
  stage.gate({
    name: 'Throughput to all other destinations while one is sick, over without',
    measured: withoutMs / withMs,
    target: TARGETS.throughputBesideTroubleMin,
    comparison: '>=',
    unit: '',
    source: 'aimed at',
  });
}
