/**
 * Goal: a worker that dies while it has nothing to do costs nothing. Method: of the workers of a quiet service one is
 * killed (SIGKILL), and once the others have its partitions a backlog must drain as fast as an equal one did after the
 * same worker had left in order.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { waitForMembers } from '../cluster/kafka-client.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import { loadNow } from './steps.ts';

const DRAIN_MS_MAX = 180_000;
const STOP_MS_MAX = 20_000;

export const idleCrash: Scenario = {
  name: 'idle_crash',
  goal: 'A worker that is killed while it is idle costs its successors nothing.',
  method: 'SIGKILL to an idle worker, then a backlog, against the same after an orderly stop.',
  defaultInstances: [2],
  parts: (request) =>
    forEachInstances(request, (workers) => {
      const load = { ...DEFAULT_LOAD, batches: request.tier === 'quick' ? 300 : 1_500, earlyPercent: 0 };
      return [
        {
          name: 'idle-kill',
          workers,
          options: load,
          races: { rebalances: 2 },
          run: async (stage) => {
            const [victim] = stage.deps.cluster.workers;
            if (victim === undefined || workers < 2) throw new Error('idle_crash needs two workers at least');
            await stage.startWorkers();
            stage.beginLoad();
            // Warm: what is compared is neither the first run of the code nor of the plans.
            await drainedAfter(stage, loadNow({ ...load, seed: request.seed }));
            await victim.stop(STOP_MS_MAX);
            await others(stage, workers - 1);
            const stoppedMs = await drainedAfter(stage, loadNow({ ...load, seed: request.seed + 1 }));
            await victim.start();
            await stage.deps.cluster.waitReady(stage.signal);
            await others(stage, workers);
            await victim.kill();
            await others(stage, workers - 1);
            const killedMs = await drainedAfter(stage, loadNow({ ...load, seed: request.seed + 2 }));
            stage.findings.number('drained after an orderly stop', stoppedMs, { unit: 'ms', better: 'lower' });
            stage.findings.number('drained after an idle kill', killedMs, { unit: 'ms', better: 'lower' });
            stage.gate({
              name: 'Throughput after a worker was killed idle, over after it left in order',
              measured: stoppedMs / killedMs,
              target: TARGETS.throughputBesideTroubleMin,
              comparison: '>=',
              unit: '',
              source: 'aimed at',
            });
            await victim.start();
            await stage.deps.cluster.waitReady(stage.signal);
            await stage.quiesce();
          },
        },
      ];
    }),
};

async function others(stage: Stage, members: number): Promise<void> {
  const { kafka, sandbox } = stage.deps;
  await waitForMembers(kafka, sandbox.addresses.consumerGroup, members, stage.signal);
}

async function drainedAfter(stage: Stage, load: SendableLoad): Promise<number> {
  const startedAtMs = performance.now();
  await stage.send(load);
  await stage.untilDrained(DRAIN_MS_MAX);
  return performance.now() - startedAtMs;
}
