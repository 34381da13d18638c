/**
 * Goal: a group whose members come and go all the time loses and doubles nothing, works on as long as they go in order,
 * and is at work in every partition once they stay. Method: every worker has a schedule of its own, by which it is
 * stopped or frozen, and in a second part killed as well, and started again within a second or so, under a steady load;
 * Kafka's own log counts the rebalances. Where members are killed faster than their sessions end, Kafka lets nobody
 * consume: how long that was is told, not limited.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { FaultKind } from '../engine/injector-for.ts';
import { readRebalances } from '../engine/measure/group-log.ts';
import { PositionWatch } from '../engine/measure/position-watch.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { planFaults } from '../nemesis/schedule.ts';
import { WORKER_FAULTS, type WorkerFault } from '../nemesis/worker-faults.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { readResumption } from './resumption.ts';
import { gateSeconds, loadNow, stampByBroker } from './steps.ts';

const PARTITIONS = 12;
const SESSION_MS = 7_000;
const RATE_PER_SECOND = 150;
const BEFORE_MS = 2_000;
const AFTER_SECONDS = 14;
/** With fewer it was no storm. */
const SECONDS_PER_REBALANCE_MAX = 5;

export const rebalanceStorm: Scenario = {
  name: 'rebalance_storm',
  goal: 'Members of the group come and go every second: work goes on, and everywhere once they stay.',
  method: 'Each worker is killed, frozen, stopped and started by a schedule of its own during a steady load.',
  defaultInstances: [4],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => [
      part(request, workers, { name: 'in-order', kinds: WORKER_FAULTS.filter((kind) => kind !== 'worker-kill') }),
      part(request, workers, { name: 'with-kills', kinds: WORKER_FAULTS }),
    ]),
};

interface Kinds {
  readonly name: string;
  readonly kinds: readonly WorkerFault[];
}

function part(request: PartRequest, workers: number, { name, kinds }: Kinds): PartPlan {
  const stormSeconds = request.durationSeconds ?? (request.tier === 'quick' ? 45 : 180);
  const durationSeconds = BEFORE_MS / 1_000 + stormSeconds + AFTER_SECONDS;
  const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name,
    workers,
    partitions: PARTITIONS,
    env: { KAFKA_SESSION_TIMEOUT_MS: `${SESSION_MS}` },
    options: { ...load, stormSeconds, faults: kinds },
    races: { faultsMetWork: workers * 2, rebalances: 1 },
    run: async (stage) => {
      await stampByBroker(stage, PARTITIONS);
      await stage.startWorkers();
      stage.beginLoad();
      const positions = PositionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
      try {
        const [storm] = await Promise.all([
          rage(stage, { seed: request.seed, kinds, stormSeconds }),
          stage.send(loadNow(load)),
        ]);
        await stage.quiesce();
        stage.afterwards(({ directory }) =>
          judge(stage, { directory, positions, storm, isInOrder: name === 'in-order' }),
        );
      } finally {
        await positions.end();
      }
    },
  };
}

interface Storm {
  readonly fromMs: number;
  readonly untilMs: number;
}

async function rage(
  stage: Stage,
  { seed, kinds, stormSeconds }: { seed: number; kinds: readonly WorkerFault[]; stormSeconds: number },
): Promise<Storm> {
  const { cluster } = stage.deps;
  await stage.pause(BEFORE_MS);
  const fromMs = Date.now();
  const schedules = cluster.workers.map((_, target) => {
    const schedule = planFaults<FaultKind>({
      seed: seed + target,
      kinds,
      fromMs: target * 500,
      untilMs: stormSeconds * 1_000,
      holdMsMin: 200,
      holdMsMax: 1_500,
      gapMsMin: 300,
      gapMsMax: 2_500,
      targets: 1,
    });
    return stage.inject(schedule.map((fault) => ({ ...fault, target })));
  });
  await Promise.all(schedules);
  const untilMs = Date.now();
  await cluster.waitReady(stage.signal);
  return { fromMs, untilMs };
}

interface Found {
  readonly directory: RunDirectory;
  readonly positions: PositionWatch;
  readonly storm: Storm;
  readonly isInOrder: boolean;
}

async function judge(stage: Stage, { directory, positions, storm, isInOrder }: Found): Promise<void> {
  const { stack, sandbox } = stage.deps;
  const brokers = stack.servers.filter(({ name }) => name.startsWith('kafka')).map(({ logFile }) => logFile);
  const rebalances = await readRebalances(brokers, sandbox.addresses.consumerGroup);
  stage.findings.number('rebalances', rebalances.length);
  for (const reason of new Set(rebalances.map((each) => each.reason))) {
    stage.findings.number(`rebalances: ${reason}`, rebalances.filter((each) => each.reason === reason).length);
  }
  const seconds = (storm.untilMs - storm.fromMs) / 1_000;
  const needed = Math.floor(seconds / SECONDS_PER_REBALANCE_MAX);
  stage.findings.check({
    id: 'fault-bit',
    title: 'Kafka rebalanced the group again and again',
    verdict: rebalances.length >= needed ? true : 'unknown',
    judged: rebalances.length,
    message: `${rebalances.length} rebalances in ${Math.round(seconds)} s, at least ${needed} make a storm`,
  });
  const stillMs = positions.longestStillMs(storm);
  if (isInOrder) gate(stage, 'Longest time of the storm without a record settled', stillMs);
  else stage.findings.number('longest time without a record settled', stillMs, { unit: 'ms', better: 'lower' });
  const instants = { brokenAtMs: storm.fromMs, fromMs: storm.untilMs };
  const { consumed, published } = await readResumption(directory, sandbox.topics, positions, instants);
  const afterMs = Math.max(consumed.afterMs, published.afterMs);
  gate(stage, 'From the end of the storm until every partition goes on', afterMs);
}

function gate(stage: Stage, name: string, measuredMs: number): void {
  const source = `aimed at: a session of ${SESSION_MS / 1_000} s ends first`;
  gateSeconds(stage, name, measuredMs, TARGETS.takeoverSecondsMax, source);
}
