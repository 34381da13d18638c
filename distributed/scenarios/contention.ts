/**
 * Goal: however many users post into one batch at once, each is answered soon and without an error, and accepted, assigned
 * and excess add up. Method: users post texts of their own at a human pace, each at a beat of its own, into
 * the same batch, which has fewer slots than there are texts, through three gateways; the invariants judge what became of
 * each.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { Crowd } from '../clients/crowd.ts';
import { answerLatencies } from '../engine/measure/client-latencies.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import {
  fill,
  GATEWAY_ENV,
  GATEWAYS,
  noteShape,
  openBatches,
  secondsAt,
  untilTold,
  withCrowd,
} from './gateway-steps.ts';

const EVERY_MS = 1_000;
const SECONDS = { quick: 15, full: 60 };
const USERS = { quick: [100], full: [100, 1_000] };
/** The others are excess. */
const SLOTS_OF_TEXTS = 0.6;
/** As the service is set by default. */
const SLOTS_MAX = 10_000;

export const contention: Scenario = {
  name: 'contention',
  goal: 'Any number of users post into one batch without an error, and accepted, assigned and excess add up.',
  method: '100 users, 1 000 in the full tier, post a text a second each into one batch that is too small.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => USERS[request.tier].map((users) => part(request, workers, users))),
};

function part(request: PartRequest, workers: number, users: number): PartPlan {
  const texts = request.durationSeconds ?? SECONDS[request.tier];
  const slots = Math.min(SLOTS_MAX, Math.ceil(users * texts * SLOTS_OF_TEXTS));
  return {
    name: `users-${users}`,
    workers,
    gateways: GATEWAYS,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways: GATEWAYS, users, texts, slots },
    run: (stage) =>
      withCrowd(stage, request.seed, (crowd) => post(stage, crowd, request.seed, { users, texts, slots })),
  };
}

interface Size {
  readonly users: number;
  readonly texts: number;
  readonly slots: number;
}

async function post(stage: Stage, crowd: Crowd, seed: number, { users, texts, slots }: Size): Promise<void> {
  const [owner] = await openBatches(stage, crowd, { seed, count: 1, slots });
  if (owner === undefined) throw new Error('nobody came');
  const { batchId } = owner.options;
  await untilTold([crowd.watcher(batchId, () => stage.tier.url)]);
  const all = Array.from({ length: users }, () => crowd.user(batchId, stage.tier.url));
  stage.beginLoad();
  const beganAtMs = performance.now();
  await Promise.all(all.map((user) => fill(user, { count: texts, everyMs: EVERY_MS })));
  const seconds = (performance.now() - beganAtMs) / 1_000;
  stage.findings.number('posts accepted', (users * texts) / seconds, { unit: '/s', better: 'higher' });
  stage.afterwards(({ directory }) => judge(stage, directory, { users, texts, slots }));
}

async function judge(stage: Stage, directory: RunDirectory, { users, texts, slots }: Size): Promise<void> {
  let failed = 0;
  let accepted = 0;
  for await (const record of directory.readClients()) {
    if (record.what !== 'answer' || record.asked !== 'contents') continue;
    if (record.status === 202) accepted++;
    else failed++;
  }
  const filled = await countOf(directory, 'slots', ({ status }) => status === 'filled');
  const excess = await countOf(directory, 'excess_contents', () => true);
  stage.findings.check({
    id: 'adds-up',
    title: 'Texts accepted are those in slots and those in excess, and every slot is taken',
    verdict: accepted === users * texts && accepted === filled + excess && filled === slots,
    judged: accepted,
    message: `${accepted} accepted, ${filled} in ${slots} slots, ${excess} excess`,
  });
  stage.gate({
    name: `Share of errors among the answers to ${users} users`,
    measured: failed / (accepted + failed),
    target: TARGETS.postErrorShareMax,
    comparison: '<=',
    unit: '',
    source: 'promised to users',
    note: `${failed} of ${accepted + failed}`,
  });
  const posts = await answerLatencies(directory, ({ asked, status }) => asked === 'contents' && status === 202);
  noteShape(stage, `post with ${users} users on one batch`, posts);
  stage.gate({
    name: `Posts of ${users} users into one batch, P99`,
    measured: secondsAt(posts, 99),
    target: TARGETS.postP99SecondsMax,
    comparison: '<',
    unit: 's',
    source: 'promised to users',
  });
}

async function countOf(
  directory: RunDirectory,
  table: 'slots' | 'excess_contents',
  isCounted: (row: Readonly<Record<string, unknown>>) => boolean,
): Promise<number> {
  let count = 0;
  for await (const row of directory.readTable(table)) if (isCounted(row)) count++;
  return count;
}
