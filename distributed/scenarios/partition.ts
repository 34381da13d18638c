/**
 * Goal: a worker that is cut off from a server notices, says so, and goes on by itself when the line is mended, while the
 * others work on; nothing is lost or doubled, whatever was on its way. Method: each worker has a line of its own to each server,
 * Kafka's advertised listener included; under load the lines of one worker, or of all, to one kind of server carry nothing
 * for a while, without a connection being closed. The full tier cuts each direction alone as well.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { INBOUND, OUTBOUND } from '../../src/contract/topics.ts';
import { PositionWatch } from '../engine/measure/position-watch.ts';
import { type HealthStatus, untilAllSay } from '../engine/measure/worker-health.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { linesCut } from '../nemesis/network-faults.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { Direction } from '../stack/process/tcp-proxy.ts';
import type { WayTo } from '../stack/servers/ways.ts';
import { readResumption } from './resumption.ts';
import { loadNow } from './steps.ts';
import { layOut } from './topic-layout.ts';

const SERVERS: readonly WayTo[] = ['postgres', 'redis', 'kafka'];
const PARTITIONS = 6;
const RATE_PER_SECOND = 200;
const BEFORE_MS = 4_000;
const CUT_MS = 15_000;
const AFTER_SECONDS = 12;
const HEALTH_MS_MAX = 30_000;

interface Cut {
  readonly to: WayTo;
  readonly who: 'one' | 'all';
  readonly directions: readonly Direction[];
}

export const partition: Scenario = {
  name: 'partition',
  goal: 'A worker cut off from a server says so and goes on when the line is mended; the others work on meanwhile.',
  method: 'The lines of one worker, or of all, to PostgreSQL, Redis or Kafka carry nothing for 15 s, connections kept.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => cutsOf(request).map((cut) => part(request, workers, cut))),
};

function cutsOf({ tier }: PartRequest): readonly Cut[] {
  const both: readonly Direction[] = ['to-server', 'to-client'];
  const whole = SERVERS.flatMap((to) => (['one', 'all'] as const).map((who) => ({ to, who, directions: both })));
  const alone = SERVERS.flatMap((to) => both.map((only) => ({ to, who: 'one' as const, directions: [only] })));
  return tier === 'quick' ? whole : [...whole, ...alone];
}

function part(request: PartRequest, workers: number, cut: Cut): PartPlan {
  const durationSeconds = (BEFORE_MS + CUT_MS) / 1_000 + AFTER_SECONDS;
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  const direction = cut.directions.length === 1 ? `-${cut.directions[0]}` : '';
  // Only Redis is not needed by anybody; of the others somebody must still have a line.
  const goesOn = cut.to === 'redis' || (cut.who === 'one' && workers > 1);
  return {
    name: `${cut.to}-${cut.who}${direction}`,
    workers,
    servers: { ways: workers },
    options: { ...load, ...cut, cutMs: CUT_MS },
    races: goesOn ? { faultsMetWork: 1 } : {},
    run: async (stage) => {
      const { kafka, sandbox } = stage.deps;
      const topics = [...INBOUND, ...OUTBOUND].map((name) => sandbox.topics[name]);
      await layOut(
        kafka,
        topics.map((topic) => ({ topic, partitions: PARTITIONS, replicas: [1], inSyncMin: 1 })),
      );
      await stage.startWorkers();
      stage.beginLoad();
      const positions = PositionWatch.begin(sandbox.addresses.databaseUrl);
      try {
        const [instants] = await Promise.all([cutOff(stage, cut), stage.send(loadNow(load))]);
        await stage.quiesce();
        stage.afterwards(({ directory }) => judge(stage, { directory, positions, instants }));
      } finally {
        await positions.end();
      }
    },
  };
}

interface Instants {
  readonly brokenAtMs: number;
  readonly mendedAtMs: number;
}

async function cutOff(stage: Stage, { to, who, directions }: Cut): Promise<Instants> {
  const { stack, cluster } = stage.deps;
  const count = who === 'one' ? 1 : cluster.workers.length;
  const lines = stack.ways.slice(0, count).map((way) => way[to]);
  if (lines.length !== count) throw new Error('each worker needs a line of its own');
  const workers = cluster.workers.slice(0, count);
  await stage.pause(BEFORE_MS);
  const target = `${who === 'one' ? (workers[0]?.name ?? '') : 'all workers'} ${to}`;
  // Without hints all work is done.
  const noticed: HealthStatus = to === 'redis' ? 'degraded' : 'unhealthy';
  const brokenAtMs = Date.now();
  await stage.whileBroken(linesCut({ target, lines, directions }), async () => {
    const isSo = (status: HealthStatus) => status === noticed;
    const noticing = untilAllSay({ workers, isSo, limitMs: HEALTH_MS_MAX, signal: stage.signal });
    await stage.pause(CUT_MS);
    const what = `From the cut until whoever is cut off says that it is ${noticed}`;
    gate(stage, what, (await noticing) ?? HEALTH_MS_MAX, TARGETS.noticedSecondsMax);
  });
  const mendedAtMs = Date.now();
  const isSo = (status: HealthStatus) => status === 'healthy';
  const healthyMs = await untilAllSay({ workers, isSo, limitMs: HEALTH_MS_MAX, signal: stage.signal });
  gate(stage, 'From mending until it is healthy again', healthyMs ?? HEALTH_MS_MAX, TARGETS.recoverySecondsMax);
  return { brokenAtMs, mendedAtMs };
}

function gate(stage: Stage, name: string, measuredMs: number, target: number): void {
  stage.gate({ name, measured: measuredMs / 1_000, target, comparison: '<=', unit: 's', source: 'aimed at' });
}

async function judge(
  stage: Stage,
  found: { readonly directory: RunDirectory; readonly positions: PositionWatch; readonly instants: Instants },
): Promise<void> {
  const { directory, positions, instants } = found;
  const { brokenAtMs, mendedAtMs } = instants;
  const { topics } = stage.deps.sandbox;
  const since = { brokenAtMs, fromMs: mendedAtMs };
  const { consumed, published } = await readResumption(directory, topics, positions, since);
  const afterMs = Math.max(consumed.afterMs, published.afterMs);
  gate(stage, 'From mending until all inputs and events go on', afterMs, TARGETS.recoverySecondsMax);
  const met = Math.min(consumed.partitions, published.partitions);
  stage.findings.check({
    id: 'fault-bit',
    title: 'The cut met partitions in which something was going on',
    verdict: met > 0 ? true : 'unknown',
    judged: met,
    message: 'no partition had records before the cut and after it',
  });
}
