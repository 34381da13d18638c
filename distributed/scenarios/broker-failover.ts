/**
 * Goal: brokers that die delay what they led and lose nothing that was acknowledged. Method: three brokers, two of which
 * must acknowledge; under load the one is killed that leads all inputs, or all events, or keeps the group's offsets; then
 * two of them, so that nothing can be written; then all. Each is started again. The topics say how long it took until
 * records were taken, settled and published again, and which events were published twice: those under way at the fault.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { INBOUND, OUTBOUND } from '../../src/contract/topics.ts';
import { PositionWatch } from '../engine/measure/position-watch.ts';
import { untilAllSay } from '../engine/measure/worker-health.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { serversKilled } from '../nemesis/server-faults.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { readDoubled, readResumption } from './resumption.ts';
import { loadNow } from './steps.ts';
import { coordinatorOf, layOut, OFFSETS_TOPIC, untilLedByOthers } from './topic-layout.ts';

const NODES = [1, 2, 3];
const PARTITIONS = 6;
const IN_SYNC_MIN = 2;
const RATE_PER_SECOND = 300;
const BEFORE_MS = 4_000;
const AFTER_SECONDS = 14;
const AWAY_MS = 10_000;
const NOTICED_MS_MAX = 30_000;
/** Longest that a request which is under way when something breaks was sent before. */
const UNDER_WAY_MS = 2_000;

interface Trouble {
  readonly name: string;
  /** What the victim leads, all of it; of everything else nothing. */
  readonly leads: 'inputs' | 'events' | 'offsets' | 'as it comes';
  readonly victims: number;
  readonly awayMs: (tier: PartRequest['tier']) => number;
}

const awayMs = () => AWAY_MS;

const TROUBLES: readonly Trouble[] = [
  { name: 'input-leader', leads: 'inputs', victims: 1, awayMs },
  { name: 'output-leader', leads: 'events', victims: 1, awayMs },
  { name: 'coordinator', leads: 'offsets', victims: 1, awayMs },
  { name: 'below-min-isr', leads: 'as it comes', victims: 2, awayMs },
  { name: 'all-away', leads: 'as it comes', victims: 3, awayMs: (tier) => (tier === 'quick' ? 20_000 : 60_000) },
];

export const brokerFailover: Scenario = {
  name: 'broker_failover',
  goal: 'Brokers that die delay what they led, lose nothing acknowledged, and double only what was under way.',
  method: 'Of three brokers the leader of inputs, of events, of the offsets, then two, then all are killed under load.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

interface Failover {
  readonly brokenAtMs: number;
  /** Others lead what the victim led; null: nobody can. */
  readonly ledAtMs: number | null;
  readonly returnedAtMs: number;
  readonly positions: PositionWatch;
}

function part(request: PartRequest, workers: number, trouble: Trouble): PartPlan {
  const away = trouble.awayMs(request.tier);
  const durationSeconds = (BEFORE_MS + away) / 1_000 + AFTER_SECONDS;
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name: trouble.name,
    workers,
    servers: { kafkaNodes: 3 },
    options: { ...load, awayMs: away, victims: trouble.victims, leads: trouble.leads },
    run: async (stage) => {
      const victims = await prepare(stage, trouble);
      await stage.startWorkers();
      stage.beginLoad();
      const positions = PositionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
      try {
        const [failover] = await Promise.all([
          failOver(stage, { victims, away, positions }),
          stage.send(loadNow(load)),
        ]);
        await stage.quiesce();
        stage.afterwards(({ directory }) => judge(stage, directory, failover));
      } finally {
        await positions.end();
      }
    },
  };
}

/** Topics where the trouble wants them; answers whom it is about. */
async function prepare(stage: Stage, { leads, victims }: Trouble): Promise<readonly number[]> {
  const { kafka, sandbox } = stage.deps;
  const coordinator = await coordinatorOf(kafka, sandbox.addresses.consumerGroup);
  const [one = 0, other = 0] = NODES.filter((node) => node !== coordinator);
  const victim = leads === 'offsets' ? coordinator : one;
  const [first = 0, second = 0] = NODES.filter((node) => node !== victim);
  const layoutOf = (isVictims: boolean) => (isVictims ? [victim, first, second] : [first, second, victim]);
  const layoutsOf = (names: readonly (typeof INBOUND)[number][], isVictims: boolean) =>
    names.map((name) => {
      const replicas = layoutOf(isVictims);
      return { topic: sandbox.topics[name], partitions: PARTITIONS, replicas, inSyncMin: IN_SYNC_MIN };
    });
  await layOut(kafka, [...layoutsOf(INBOUND, leads === 'inputs'), ...layoutsOf(OUTBOUND, leads === 'events')]);
  // Those without the coordinator, as long as that is possible.
  return [victim, ...[one, other, coordinator].filter((node) => node !== victim)].slice(0, victims);
}

async function failOver(
  stage: Stage,
  fault: { victims: readonly number[]; away: number; positions: PositionWatch },
): Promise<Failover> {
  const { victims, away, positions } = fault;
  let ledAtMs: number | null = null;
  const { stack, kafka, sandbox, cluster } = stage.deps;
  const servers = stack.servers.filter(({ name }) => victims.some((node) => name === `kafka-${node}`));
  if (servers.length !== victims.length) throw new Error('three brokers of our own are needed');
  await stage.pause(BEFORE_MS);
  const brokenAtMs = Date.now();
  const all = { workers: cluster.workers, limitMs: NOTICED_MS_MAX, signal: stage.signal };
  await stage.whileBroken(serversKilled(servers), async () => {
    const noticing = victims.length === 3 ? untilAllSay({ ...all, isSo: (status) => status === 'unhealthy' }) : null;
    if (victims.length === 1) {
      const topics = [...sandbox.inbound, ...OUTBOUND.map((name) => sandbox.topics[name]), OFFSETS_TOPIC];
      await untilLedByOthers(kafka, topics, victims);
      ledAtMs = Date.now();
      stage.findings.number('leaders moved after', ledAtMs - brokenAtMs, { unit: 'ms', better: 'lower' });
    }
    await stage.pause(away - (Date.now() - brokenAtMs));
    if (noticing !== null) gateNoticing(stage, await noticing);
  });
  return { brokenAtMs, ledAtMs, returnedAtMs: Date.now(), positions };
}

function gateNoticing(stage: Stage, afterMs: number | null): void {
  stage.gate({
    name: 'From the fault until every worker says that it cannot work',
    measured: (afterMs ?? NOTICED_MS_MAX) / 1_000,
    target: TARGETS.noticedSecondsMax,
    comparison: '<=',
    unit: 's',
    source: 'aimed at',
  });
}

async function judge(stage: Stage, directory: RunDirectory, failover: Failover): Promise<void> {
  const { brokenAtMs, returnedAtMs, ledAtMs, positions } = failover;
  // While two brokers are left, work goes on without the third.
  const fromMs = ledAtMs === null ? returnedAtMs : brokenAtMs;
  const { topics } = stage.deps.sandbox;
  const instants = { brokenAtMs, fromMs };
  const { sent, consumed, published } = await readResumption(directory, topics, positions, instants);
  const ms = { unit: 'ms', better: 'lower' } as const;
  stage.findings.number('inputs taken again after', sent.afterMs, ms);
  stage.findings.number('consuming again after', consumed.afterMs, ms);
  stage.findings.number('publishing again after', published.afterMs, ms);
  if (ledAtMs === null) {
    gateResuming(
      stage,
      'the return to all inputs and events going on',
      Math.max(consumed.afterMs, published.afterMs),
      TARGETS.recoverySecondsMax,
    );
  } else {
    // Until then Kafka acknowledges nothing at all: the dead broker counts as in sync.
    const ledMs = ledAtMs - brokenAtMs;
    gateResuming(
      stage,
      'new leaders to consuming in every partition',
      consumed.afterMs - ledMs,
      TARGETS.consumingAfterNewLeaderSecondsMax,
    );
    gateResuming(
      stage,
      'new leaders to publishing in every partition',
      published.afterMs - ledMs,
      TARGETS.publishingAfterNewLeaderSecondsMax,
    );
    gateResuming(stage, 'the fault to both', Math.max(consumed.afterMs, published.afterMs), TARGETS.recoverySecondsMax);
  }
  const met = Math.min(consumed.partitions, published.partitions);
  stage.findings.check({
    id: 'fault-bit',
    title: 'The fault met partitions in which something was going on',
    verdict: met > 0 ? true : 'unknown',
    judged: met,
    message: 'no partition had records before and after the fault',
  });
  await judgeDoubled(stage, directory, failover);
}

function gateResuming(stage: Stage, what: string, measuredMs: number, target: number): void {
  const measured = Math.max(0, measuredMs) / 1_000;
  stage.gate({ name: `From ${what}`, measured, target, comparison: '<=', unit: 's', source: 'promised' });
}

async function judgeDoubled(stage: Stage, directory: RunDirectory, failover: Failover): Promise<void> {
  const { brokenAtMs, returnedAtMs } = failover;
  const window = { fromMs: brokenAtMs - UNDER_WAY_MS, untilMs: returnedAtMs + TARGETS.recoverySecondsMax * 1_000 };
  const { events, doubled, needless } = await readDoubled(directory, [window]);
  stage.findings.number('events published twice', doubled, { unit: 'events', better: 'lower' });
  stage.findings.check({
    id: 'twice',
    title: 'Only events that were under way at the fault were published twice',
    verdict: needless === 0,
    judged: events,
    message: `${needless} events were published again although nothing was wrong when they were first`,
  });
}
