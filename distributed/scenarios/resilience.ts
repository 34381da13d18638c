/**
 * Goal: the write path of the gateways does not mind what is broken behind it. Method: users who post at a steady pace,
 * readers and watchers, while all gateways but one are killed, while PostgreSQL, Redis or Kafka is stopped. Posts go on
 * at the same rate and as fast, or, without Kafka, are refused and come through as soon as it is back; whatever was
 * accepted is placed afterwards (the invariants), and watchers hear of all of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TARGETS } from '../../artefacts/targets.ts';
import type { Crowd } from '../clients/crowd.ts';
import type { HttpUser } from '../clients/http-user.ts';
import { answerLatencies, type Window } from '../engine/measure/client-latencies.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import type { Injector } from '../nemesis/injector.ts';
import { serverStopped } from '../nemesis/server-faults.ts';
import { workersKilled } from '../nemesis/worker-faults.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import {
  fill,
  GATEWAY_ENV,
  GATEWAYS,
  measurePolling,
  noteShape,
  openBatches,
  secondsAt,
  serverNamed,
  untilTold,
  withCrowd,
} from './gateway-steps.ts';

const WRITERS = 10;
const READERS = 4;
const POST_EVERY_MS = 250;
const READ_EVERY_MS = 250;
const BEFORE_MS = 8_000;
const AWAY_MS = { quick: 15_000, full: 60_000 };
const AFTER_MS = 8_000;

interface Trouble {
  readonly name: string;
  readonly fault: (stage: Stage) => Injector;
  /** Of posts, while it is broken. */
  readonly posts: 'go on' | 'wait';
  /** Slots are taken meanwhile: the workers do not need what is broken. */
  readonly isWorkedOn: boolean;
  readonly isPolled?: boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'gateways-killed',
    fault: (stage) => workersKilled(stage.tier.gateways.slice(1)),
    posts: 'go on',
    isWorkedOn: true,
  },
  {
    name: 'postgres-stopped',
    fault: (stage) => serverStopped(serverNamed(stage, 'postgres')),
    posts: 'go on',
    isWorkedOn: false,
  },
  {
    name: 'redis-stopped',
    fault: (stage) => serverStopped(serverNamed(stage, 'redis')),
    posts: 'go on',
    isWorkedOn: true,
    isPolled: true,
  },
  {
    name: 'kafka-stopped',
    fault: (stage) => serverStopped(serverNamed(stage, 'kafka')),
    posts: 'wait',
    isWorkedOn: false,
  },
];

export const resilience: Scenario = {
  name: 'resilience',
  goal: 'Posts go on at the same rate whatever is broken but Kafka, and nothing that was accepted is lost.',
  method: 'Under users who post, read and watch: gateways killed, PostgreSQL, Redis or Kafka stopped for a while.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

function part(request: PartRequest, workers: number, trouble: Trouble): PartPlan {
  const awayMs = (request.durationSeconds ?? 0) * 1_000 || AWAY_MS[request.tier];
  return {
    name: trouble.name,
    workers,
    gateways: GATEWAYS,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways: GATEWAYS, writers: WRITERS, readers: READERS, awayMs },
    ...(trouble.isWorkedOn && { races: { faultsMetWork: 1 } }),
    run: (stage) => withCrowd(stage, request.seed, (crowd) => breakUnderUsers(stage, crowd, request, trouble, awayMs)),
  };
}

async function breakUnderUsers(
  stage: Stage,
  crowd: Crowd,
  { seed }: PartRequest,
  { fault, posts, isPolled = false }: Trouble,
  awayMs: number,
): Promise<void> {
  const count = Math.ceil((BEFORE_MS + awayMs + AFTER_MS) / POST_EVERY_MS);
  const writers = await openBatches(stage, crowd, { seed, count: WRITERS, slots: count });
  await untilTold(writers.map(({ options: { batchId } }) => crowd.watcher(batchId, () => stage.tier.url)));
  stage.beginLoad();
  const reading = new Readers(
    writers.slice(0, READERS).map(({ options }) => crowd.user(options.batchId, stage.tier.url)),
  );
  const before = { fromMs: Date.now(), toMs: 0 };
  const writing = Promise.all(writers.map((writer) => fill(writer, { count, everyMs: POST_EVERY_MS })));
  await stage.pause(BEFORE_MS);
  before.toMs = Date.now();
  const away = { fromMs: 0, toMs: 0 };
  await stage.whileBroken(fault(stage), async () => {
    away.fromMs = Date.now();
    await stage.pause(awayMs);
    away.toMs = Date.now();
  });
  const backAtMs = Date.now();
  await writing;
  await reading.end();
  stage.afterwards(async ({ directory }) => {
    if (posts === 'go on') await judgeGoingOn(stage, directory, { before, away });
    else await judgeRefused(stage, directory, { away, backAtMs });
  });
  if (isPolled) measurePolling(stage, away);
}

/** Refused or not: what they read is as good as the database. */
class Readers {
  private isOver = false;
  private readonly all: readonly Promise<void>[];

  constructor(users: readonly HttpUser[]) {
    this.all = users.map((user) => this.read(user));
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.all);
  }

  private async read(user: HttpUser): Promise<void> {
    while (!this.isOver) {
      await user.readStatus();
      await sleep(READ_EVERY_MS, undefined, { signal: user.options.signal });
    }
  }
}

async function judgeGoingOn(
  stage: Stage,
  directory: RunDirectory,
  { before, away }: { readonly before: Window; readonly away: Window },
): Promise<void> {
  const accepted = async ({ fromMs, toMs }: Window) =>
    answerLatencies(directory, ({ asked, status, wallMs }) => {
      return asked === 'contents' && status === 202 && wallMs >= fromMs && wallMs <= toMs;
    });
  const [calm, troubled] = [await accepted(before), await accepted(away)];
  const rateOf = (posts: typeof calm, { fromMs, toMs }: Window) => (posts.total().totalCount * 1_000) / (toMs - fromMs);
  noteShape(stage, 'posts before', calm);
  noteShape(stage, 'posts meanwhile', troubled);
  const [rateBefore, rateAway] = [rateOf(calm, before), rateOf(troubled, away)];
  stage.findings.number('posts accepted before', rateBefore, { unit: '/s', better: 'higher' });
  stage.findings.number('posts accepted meanwhile', rateAway, { unit: '/s', better: 'higher' });
  stage.gate({
    name: 'Rate of posts accepted while it was broken, over before',
    measured: rateAway / rateBefore,
    target: TARGETS.throughputBesideTroubleMin,
    comparison: '>=',
    unit: '',
    source: 'promised to users',
  });
  stage.gate({
    name: 'Posts while it was broken, P99',
    measured: secondsAt(troubled, 99),
    target: TARGETS.postP99SecondsMax,
    comparison: '<',
    unit: 's',
    source: 'promised to users',
    note: `${Math.round((secondsAt(calm, 99) ?? 0) * 1_000)} ms before`,
  });
}

async function judgeRefused(
  stage: Stage,
  directory: RunDirectory,
  { away, backAtMs }: { readonly away: Window; readonly backAtMs: number },
): Promise<void> {
  let refused = 0;
  let inVain = 0;
  let firstAcceptedMs = Number.POSITIVE_INFINITY;
  for await (const record of directory.readClients()) {
    if (record.what !== 'answer' || record.asked !== 'contents') continue;
    const isAway = record.wallMs - record.tookMs >= away.fromMs && record.wallMs <= away.toMs;
    if (isAway && record.status === 503) refused++;
    else if (isAway) inVain++;
    if (record.status === 202 && record.wallMs > away.toMs) firstAcceptedMs = Math.min(firstAcceptedMs, record.wallMs);
  }
  stage.findings.check({
    id: 'refused-without-kafka',
    title: 'Every post while Kafka was away was answered 503',
    verdict: refused === 0 ? 'unknown' : inVain === 0,
    judged: refused + inVain,
    message: `${inVain} were answered otherwise, or not at all`,
  });
  stage.gate({
    name: 'From the return of Kafka to the first post that is accepted',
    measured: (firstAcceptedMs - backAtMs) / 1_000,
    target: TARGETS.recoverySecondsMax,
    comparison: '<=',
    unit: 's',
    source: 'promised to users',
  });
}
