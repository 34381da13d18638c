/**
 * Goal: whatever happens to workers, servers and the lines between them, in whatever order, each input has its one fate.
 * Method: all faults the harness knows, mixed by the seed, one at a time, each kind before any comes again, a quarter of
 * the time quiet; every worker has a line of its own to every server. At rest a minute after the last one.
 */
import type { FaultKind } from '../engine/injector-for.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { NETWORK_FAULTS } from '../nemesis/network-faults.ts';
import { REDIS_FAULTS } from '../nemesis/redis-faults.ts';
import { planFaults } from '../nemesis/schedule.ts';
import { SERVER_FAULTS } from '../nemesis/server-faults.ts';
import { WORKER_FAULTS } from '../nemesis/worker-faults.ts';
import { loadNow } from './steps.ts';

const KINDS: readonly FaultKind[] = [...WORKER_FAULTS, ...SERVER_FAULTS, ...REDIS_FAULTS, ...NETWORK_FAULTS];

/** The full one sends a million inputs. */
const SIZES = {
  quick: { ratePerSecond: 250, durationSeconds: 60 },
  full: { ratePerSecond: 1_500, durationSeconds: 670 },
} as const;

export const chaos: Scenario = {
  name: 'chaos',
  goal: 'Whatever happens to workers, servers and lines, in whatever order: nothing is lost, nothing happens twice.',
  method: 'All faults mixed by the seed under a steady load, a quarter of the time quiet.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => [part(request, workers)]),
};

function part({ seed, tier, durationSeconds }: PartRequest, workers: number): PartPlan {
  const size = { ...SIZES[tier], ...(durationSeconds !== null && { durationSeconds }) };
  const load = { ...DEFAULT_LOAD, ...size, seed };
  return {
    name: 'mixed',
    workers,
    servers: { ways: workers },
    options: { ...load, faults: KINDS },
    races: { faultsMetWork: tier === 'quick' ? 5 : 50, rebalances: 1 },
    run: async (stage) => {
      await stage.startWorkers();
      const faults = planFaults<FaultKind>({
        seed,
        kinds: KINDS,
        fromMs: 2_000,
        untilMs: size.durationSeconds * 1_000,
        holdMsMin: 500,
        holdMsMax: 4_000,
        gapMsMin: 500,
        gapMsMax: 2_500,
        targets: workers,
      });
      stage.findings.number('faults', faults.length);
      await stage.sendUnderFaults(loadNow(load), faults);
      await stage.quiesce();
    },
  };
}
