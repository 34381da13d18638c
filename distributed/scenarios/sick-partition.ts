/**
 * Goal: a partition that cannot be written delays what goes there and nothing else. Method: three brokers, and a topic of
 * excess contents that lies where it must suffer when the third is away: in two replicas of which both must acknowledge, or
 * in one. A backlog with a few excess contents in it must have its completions in Kafka as fast as an equal one had with
 * all brokers there. When the broker is back, what waited is published, and nothing was given up.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { Injector } from '../nemesis/injector.ts';
import { serverFrozen, serverStopped } from '../nemesis/server-faults.ts';
import type { Server } from '../stack/process/server.ts';
import { announcedAfter, gateOthers, judgeWaiting } from './destinations.ts';
import { loadNow } from './steps.ts';
import { layOut, untilLedByOthers } from './topic-layout.ts';

const VICTIM = 3;
const NOTICING_BATCHES = 50;
const PARTITIONS = 3;

interface Trouble {
  readonly name: string;
  /** Nodes that hold the topic of excess contents. */
  readonly replicas: readonly number[];
  readonly inSyncMin: number;
  readonly fault: (server: Server) => Injector;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'below-min-isr', replicas: [1, VICTIM], inSyncMin: 2, fault: serverStopped },
  { name: 'leaderless', replicas: [VICTIM], inSyncMin: 1, fault: serverStopped },
  { name: 'hung', replicas: [VICTIM], inSyncMin: 1, fault: serverFrozen },
];

export const sickPartition: Scenario = {
  name: 'sick_partition',
  goal: 'A partition that cannot be written delays what goes there, and nothing else; nothing is given up.',
  method:
    'Of three brokers the only one, or one of two, that holds an outbound topic is stopped or frozen during a backlog.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

function part(request: PartRequest, workers: number, trouble: Trouble): PartPlan {
  // Without excess of its own: all of it belongs to the few batches that are sent beside.
  const options = {
    ...DEFAULT_LOAD,
    batches: request.tier === 'quick' ? 300 : 1_200,
    earlyPercent: 0,
    excessPercent: 0,
    failurePercent: 0,
    duplicatePercent: 0,
  };
  const sick = { ...options, batches: 20, excessPercent: 100 };
  const { name, fault, replicas, inSyncMin } = trouble;
  return {
    name,
    workers,
    servers: { kafkaNodes: 3 },
    victims: [VICTIM],
    options: { ...options, sickBatches: sick.batches, replicas, inSyncMin },
    run: async (stage) => {
      const { kafka, sandbox, stack } = stage.deps;
      const victim = stack.servers.find((server) => server.name === `kafka-${VICTIM}`);
      if (victim === undefined) throw new Error('three brokers of our own are needed');
      await layOut(kafka, [{ topic: sandbox.topics.excess, partitions: PARTITIONS, replicas, inSyncMin }]);
      await stage.startWorkers();
      stage.beginLoad();
      // Warm: what is compared is neither the first run of the code nor of the plans.
      await announcedAfter(stage, [loadNow({ ...options, seed: request.seed + 3 })]);
      const withoutMs = await announcedAfter(stage, [loadNow({ ...options, seed: request.seed })]);
      const brokenAtMs = performance.now();
      await stage.whileBroken(fault(victim), async () => {
        await untilLed(stage);
        // What noticing costs comes once, and is a number of its own.
        await announcedAfter(stage, [loadNow({ ...options, batches: NOTICING_BATCHES, seed: request.seed + 4 })]);
        gateNoticing(stage, performance.now() - brokenAtMs);
        const loads = [
          { ...sick, seed: request.seed + 1 },
          { ...options, seed: request.seed + 2 },
        ].map(loadNow);
        const withMs = await announcedAfter(stage, loads);
        gateOthers(stage, withoutMs, withMs);
        await judgeWaiting(stage);
      });
      await stage.quiesce();
    },
  };
}

function gateNoticing(stage: Stage, afterMs: number): void {
  stage.gate({
    name: 'From the fault to work as usual',
    measured: afterMs / 1_000,
    target: TARGETS.recoverySecondsMax,
    comparison: '<=',
    unit: 's',
    source: 'aimed at',
  });
}

/** The cluster has noticed: the broker leads nothing any more that others hold as well. */
async function untilLed(stage: Stage): Promise<void> {
  const { kafka, sandbox } = stage.deps;
  const startedAtMs = performance.now();
  await untilLedByOthers(kafka, [...sandbox.inbound, sandbox.topics.completed], [VICTIM]);
  stage.findings.number('leaders moved after', performance.now() - startedAtMs, { unit: 'ms', better: 'lower' });
}
