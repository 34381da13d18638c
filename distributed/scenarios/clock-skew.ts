/**
 * Goal: a worker whose clock steps by minutes, or by an hour, goes on as if nothing was: no lease ends early, no event is
 * published twice or tried again, nobody leaves the group. Method: under load the clock of one worker is set forward, set
 * back, and those of two an hour apart from the truth in both directions; then all are right again.
 */
import { Client } from 'pg';
import { TARGETS } from '../../artefacts/targets.ts';
import { readRebalances } from '../engine/measure/group-log.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { clockFile } from '../engine/worker-settings.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { clocksStepped } from '../nemesis/clock-faults.ts';
import { secondsAround, sendBesideFault } from './fault-beside-load.ts';
import { readDoubled } from './resumption.ts';
import { gateSeconds } from './steps.ts';

const RATE_PER_SECOND = 200;
const WRONG_MS = 20_000;
const MINUTES = 300;
const HOUR = 3_600;

interface Skew {
  readonly name: string;
  /** Of the first workers. */
  readonly aheadSeconds: readonly number[];
}

const SKEWS: readonly Skew[] = [
  { name: 'forward', aheadSeconds: [MINUTES] },
  { name: 'back', aheadSeconds: [-MINUTES] },
  { name: 'apart', aheadSeconds: [HOUR, -HOUR] },
];

export const clockSkew: Scenario = {
  name: 'clock_skew',
  goal: 'A worker whose clock steps goes on as if nothing was: leases, attempts, membership and order do not depend on it.',
  method: 'Under load the clock of one worker is set 5 min forward, 5 min back, those of two an hour both ways.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) =>
      SKEWS.filter(({ aheadSeconds }) => aheadSeconds.length <= workers).map((skew) => part(request, workers, skew)),
    ),
};

function part(request: PartRequest, workers: number, { name, aheadSeconds }: Skew): PartPlan {
  const durationSeconds = secondsAround(WRONG_MS);
  const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name,
    workers,
    servers: { clocks: true },
    options: { ...load, wrongMs: WRONG_MS, aheadSeconds },
    races: { faultsMetWork: 1 },
    run: async (stage) => {
      const { cluster, directory } = stage.deps;
      const stepped = cluster.workers.slice(0, aheadSeconds.length);
      let rebalancesBefore = 0;
      const { instants, positions } = await sendBesideFault(stage, load, () => ({
        injector: clocksStepped(
          stepped.map((worker, index) => ({
            worker,
            file: clockFile(directory, worker.name),
            aheadSeconds: aheadSeconds[index] ?? 0,
          })),
        ),
        holdMs: WRONG_MS,
        workers: stepped,
        noticed: null,
        beforehand: async () => {
          rebalancesBefore = await countRebalances(stage);
        },
      }));
      judgeMembership(stage, (await countRebalances(stage)) - rebalancesBefore);
      await judgeOutbox(stage);
      const window = { fromMs: instants.brokenAtMs, untilMs: instants.mendedAtMs };
      const stillMs = positions.longestStillMs(window);
      gateSeconds(stage, 'Longest time without a record settled', stillMs, TARGETS.stillBesideClockSecondsMax);
      stage.afterwards(async ({ directory: evidence }) => {
        const { events, doubled } = await readDoubled(evidence, []);
        stage.findings.check({
          id: 'twice',
          title: 'No event was published twice: no lease was taken for over',
          verdict: doubled === 0,
          judged: events,
          message: `${doubled} events were`,
        });
      });
    },
  };
}

async function countRebalances(stage: Stage): Promise<number> {
  const { stack, sandbox } = stage.deps;
  const brokers = stack.servers.filter(({ name }) => name.startsWith('kafka')).map(({ logFile }) => logFile);
  return (await readRebalances(brokers, sandbox.addresses.consumerGroup)).length;
}

function judgeMembership(stage: Stage, rebalances: number): void {
  stage.findings.check({
    id: 'membership',
    title: 'Nobody left the consumer group',
    verdict: rebalances === 0,
    message: `Kafka rebalanced it ${rebalances} times`,
  });
}

async function judgeOutbox(stage: Stage): Promise<void> {
  const client = new Client({ connectionString: stage.deps.sandbox.addresses.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ rows: number; tried: number }>(
      'select count(*)::int as rows, count(*) filter (where attempts > 0 or dead)::int as tried from outbox',
    );
    const [found] = rows;
    stage.findings.check({
      id: 'attempts',
      title: 'No event was given back or given up',
      verdict: found?.tried === 0,
      judged: found?.rows ?? 0,
      message: `${found?.tried} rows of the outbox were`,
    });
  } finally {
    await client.end();
  }
}
