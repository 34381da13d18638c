/**
 * Goal: a change of a batch reaches everybody who watches it, however many, and soon; a socket costs little. Method: more
 * and more sockets on one batch, past the balancer, a text a second; who was told of which change, and when, is counted
 * from what the watchers wrote down. They are in processes of their own, on the same cores as everything else.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import { DistantWatchers } from '../clients/distant-watchers.ts';
import type { HttpUser } from '../clients/http-user.ts';
import { processUsage } from '../cluster/process-usage.ts';
import { ALWAYS, changeLatencies } from '../engine/measure/client-latencies.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { projectRoot } from '../stack/process/project-root.ts';
import { fill, GATEWAY_ENV, measureChanges, openBatches, withCrowd } from './gateway-steps.ts';

interface Size {
  readonly sockets: number;
  readonly gateways: number;
}

const SIZES: Readonly<Record<PartRequest['tier'], readonly Size[]>> = {
  quick: [
    { sockets: 100, gateways: 1 },
    { sockets: 1_000, gateways: 1 },
  ],
  full: [
    { sockets: 100, gateways: 1 },
    { sockets: 1_000, gateways: 1 },
    { sockets: 10_000, gateways: 3 },
  ],
};
const CHANGES = { quick: 10, full: 30 };
const EVERY_MS = 1_000;
/** What they hold is seen when the garbage of connecting is gone. */
const SETTLE_MS = 3_000;
/** With fewer sockets it is the growth of the heap that is measured, which is there once. */
const MEASURABLE_SOCKETS = 10_000;

export const fanOut: Scenario = {
  name: 'fan_out',
  goal: 'A change of a batch reaches each of its watchers, 10 000 as well, soon, and a socket costs little memory.',
  method: 'A text a second into a batch that 100, 1 000 and, in the full tier, 10 000 sockets watch.',
  defaultInstances: [1],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => SIZES[request.tier].map((size) => part(request, workers, size))),
};

function part(request: PartRequest, workers: number, size: Size): PartPlan {
  const { sockets, gateways } = size;
  const changes = request.durationSeconds ?? CHANGES[request.tier];
  return {
    name: `sockets-${sockets}`,
    workers,
    gateways,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways, sockets, changes },
    run: (stage) =>
      withCrowd(stage, request.seed, async (crowd) => {
        const [owner] = await openBatches(stage, crowd, { seed: request.seed, count: 1, slots: changes });
        if (owner === undefined) throw new Error('nobody came');
        await tellAll(stage, owner, { sockets, changes, seed: request.seed });
        judge(stage, { sockets, changes });
      }),
  };
}

async function tellAll(
  stage: Stage,
  owner: HttpUser,
  { sockets, changes, seed }: { readonly sockets: number; readonly changes: number; readonly seed: number },
): Promise<void> {
  const { directory, journal } = stage.deps;
  await stage.pause(SETTLE_MS);
  const idleBytes = await gatewayBytes(stage);
  const watchers = new DistantWatchers({
    root: projectRoot(),
    count: sockets,
    urls: stage.tier.gateways.map(({ url }) => url),
    batchId: owner.options.batchId,
    fileOf: (process) => directory.clientsFile(process),
    startedAtMs: journal.clock.startedAt.getTime(),
    seed,
  });
  let atRest = false;
  try {
    await watchers.untilTold();
    await stage.pause(SETTLE_MS);
    gateMemory(stage, ((await gatewayBytes(stage)) - idleBytes) / sockets, sockets);
    stage.beginLoad();
    await fill(owner, { count: changes, everyMs: EVERY_MS });
    // Whoever has not is found by the judge: the batch is full, and changes no more.
    await watchers.untilHeard(changes).catch((error: Error) => stage.note(error.message));
    atRest = true;
  } finally {
    await watchers.leave({ atRest });
  }
}

function judge(stage: Stage, { sockets, changes }: { readonly sockets: number; readonly changes: number }): void {
  measureChanges(stage, `with ${sockets} sockets on one batch`, () => ALWAYS);
  stage.afterwards(async ({ directory }) => {
    const { totalCount } = (await changeLatencies(directory, ALWAYS)).total();
    stage.gate({
      name: 'Share of the sockets that heard of each change',
      measured: totalCount / (sockets * changes),
      target: TARGETS.liveToldShare,
      comparison: '=',
      unit: '',
      source: 'promised to users',
      note: `${totalCount} of ${sockets * changes}`,
    });
  });
}

function gateMemory(stage: Stage, perSocket: number, sockets: number): void {
  stage.findings.number('memory of the gateways per socket', perSocket, { unit: 'bytes', better: 'lower' });
  if (sockets < MEASURABLE_SOCKETS) return;
  stage.gate({
    name: 'Memory of the gateways per socket, above that of idle ones',
    measured: perSocket,
    target: TARGETS.liveSocketBytesMax,
    comparison: '<',
    unit: 'bytes',
    source: 'promised to operators',
  });
}

async function gatewayBytes(stage: Stage): Promise<number> {
  const usages = await Promise.all(
    stage.tier.gateways.map(({ pid }) => (pid === undefined ? null : processUsage(pid))),
  );
  return usages.reduce((sum, usage) => sum + (usage?.rssBytes ?? 0), 0);
}
