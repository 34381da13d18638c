/**
 * Goal: three gateways behind a balancer are as good as one that never fails. Method: each is asked by itself; requests
 * are spread; ten users are answered at once; a batch is watched through the balancer; then one gateway is killed while
 * users post and read without a pause: who has a key, or only reads, must not notice, and of the others only those whose
 * request was under way at that instant.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { HttpUser } from '../clients/http-user.ts';
import { answerLatencies } from '../engine/measure/client-latencies.ts';
import { healthOf } from '../engine/measure/worker-health.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { workerInjector } from '../nemesis/worker-faults.ts';
import type { AnswerRecord } from '../run/client-record.ts';
import { fill, GATEWAY_ENV, GATEWAYS, noteShape, openBatches, untilTold, withCrowd } from './gateway-steps.ts';

const SPREAD_REQUESTS = 100;
const USERS = 10;
const REQUESTS_OF_USER = 5;
/** Each: users with keys, users without, readers. */
const BUSY = 8;
const SLOTS = 400;
const BEFORE_KILL_MS = 2_000;
const AFTER_KILL_MS = 2_000;
const KILLS = { quick: 3, full: 20 };

export const horizontalScaling: Scenario = {
  name: 'horizontal_scaling',
  goal: 'Requests and sockets are spread over three gateways, and the death of one is noticed by nobody who has a key.',
  method: 'Each gateway alone, 100 requests, 10 users at once, a socket; then gateways are killed under load.',
  defaultInstances: [3],
  isLong: true,
  parts: (request) => forEachInstances(request, (workers) => [part(request, workers)]),
};

function part(request: PartRequest, workers: number): PartPlan {
  const kills = KILLS[request.tier];
  return {
    name: 'three-gateways',
    workers,
    gateways: GATEWAYS,
    gatewayEnv: GATEWAY_ENV,
    options: { gateways: GATEWAYS, users: 3 * BUSY, kills },
    races: { faultsMetWork: kills },
    run: (stage) =>
      withCrowd(stage, request.seed, async (crowd) => {
        await askEach(stage);
        stage.beginLoad();
        const users = await openBatches(stage, crowd, { seed: request.seed, count: USERS + 3 * BUSY, slots: SLOTS });
        const [first] = users;
        if (first === undefined) throw new Error('nobody came');
        await askThroughBalancer(stage, first);
        // Not before: a gateway with a socket counts as busier, and rightly so.
        await untilTold([crowd.watcher(first.options.batchId, () => stage.tier.url)]);
        await Promise.all(users.slice(0, USERS).map((user) => fill(user, { count: REQUESTS_OF_USER, everyMs: 0 })));
        judgeCalm(stage, first, Date.now());
        await killUnderLoad(stage, users.slice(USERS), kills);
      }),
  };
}

/** Past the balancer, which does not let anybody ask this. */
async function askEach(stage: Stage): Promise<void> {
  const { gateways } = stage.tier;
  const wrong: string[] = [];
  const instances = new Set<string>();
  for (const gateway of gateways) {
    const health = await healthOf(gateway);
    if (health !== 'healthy') wrong.push(`${gateway.name} is ${health}`);
    for (const path of ['/ready', '/live', '/metrics']) {
      if ((await gateway.get(path)) === null) wrong.push(`${gateway.name} has no ${path}`);
    }
    const info = JSON.parse((await gateway.get('/info')) ?? '{}') as { instance?: string };
    instances.add(info.instance ?? '');
  }
  if (instances.size !== gateways.length) wrong.push(`instances: ${[...instances].join(', ')}`);
  stage.findings.check({
    id: 'each-gateway',
    title: 'Every gateway by itself is healthy, ready, alive, measured, and has a name of its own',
    verdict: wrong.length === 0,
    judged: gateways.length,
    message: wrong.join('; '),
  });
}

async function askThroughBalancer(stage: Stage, user: HttpUser): Promise<void> {
  // One after the other: of several at once a gateway that answers sooner gets more, and rightly so.
  for (let turn = 0; turn < SPREAD_REQUESTS; turn++) await user.readStatus();
  const tookMs: number[] = [];
  for (let turn = 0; turn < SPREAD_REQUESTS; turn++) {
    const startedAtMs = performance.now();
    const response = await fetch(`${stage.tier.url}/nginx-health`);
    await response.arrayBuffer();
    tookMs.push(performance.now() - startedAtMs);
  }
  const seconds = tookMs.reduce((sum, each) => sum + each, 0) / tookMs.length / 1_000;
  gate(stage, 'Average answer of the balancer itself', seconds, TARGETS.balancerSecondsAverageMax);
}

/** Of everything until then, before anything was broken. */
function judgeCalm(stage: Stage, reader: HttpUser, untilMs: number): void {
  stage.afterwards(async ({ directory }) => {
    // The registrations were the first that these processes ever answered.
    const isCalm = ({ wallMs, asked }: AnswerRecord) => wallMs <= untilMs && asked !== 'registration';
    const answers = await answerLatencies(directory, isCalm);
    noteShape(stage, 'answer of a gateway', answers);
    const mean = answers.total().mean / 1e6;
    gate(stage, 'Average answer of a gateway behind the balancer', mean, TARGETS.gatewaySecondsAverageMax);
    const byGateway = new Map<string, number>();
    let failed = 0;
    let judged = 0;
    for await (const record of directory.readClients()) {
      if (record.what !== 'answer' || record.wallMs > untilMs) continue;
      judged++;
      if (record.status >= 300 || record.status < 200) failed++;
      if (record.client !== reader.options.name || record.asked !== 'status') continue;
      const name = stage.tier.nameAt(record.gateway) ?? 'none';
      byGateway.set(name, (byGateway.get(name) ?? 0) + 1);
    }
    const share = Math.max(...byGateway.values()) / SPREAD_REQUESTS;
    const note = [...byGateway].map(([name, count]) => `${name} ${count}`).join(', ');
    const spread = {
      target: TARGETS.gatewayShareMax,
      comparison: '<=',
      unit: '',
      source: 'promised to operators',
    } as const;
    stage.gate({ name: 'Largest share of one gateway in 100 requests', measured: share, ...spread, note });
    stage.findings.check({
      id: 'spread',
      title: 'Every gateway answered some of the requests',
      verdict: byGateway.size === GATEWAYS,
      judged: SPREAD_REQUESTS,
      message: note,
    });
    stage.findings.check({
      id: 'all-answered',
      title: 'Every request was answered as it should be while nothing was broken',
      verdict: judged === 0 ? 'unknown' : failed === 0,
      judged,
      message: `${failed} of ${judged} were not`,
    });
  });
}

async function killUnderLoad(stage: Stage, users: readonly HttpUser[], kills: number): Promise<void> {
  const work = new Work(users);
  const instants: Instant[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await stage.pause(BEFORE_KILL_MS);
    const victim = stage.tier.gateways[kill % GATEWAYS];
    if (victim === undefined) throw new Error('there is no gateway');
    const beganAtMs = Date.now();
    await stage.whileBroken(workerInjector('worker-kill', victim), async () => {
      instants.push({ beganAtMs, overAtMs: Date.now() });
      await stage.pause(AFTER_KILL_MS);
    });
    await stage.tier.waitReady();
  }
  await stage.pause(BEFORE_KILL_MS);
  await work.end();
  judgeKills(stage, new Set(users.map(({ options }) => options.name)), instants);
}

/** A third each: posting with keys, posting without, reading. All as fast as they are answered. */
class Work {
  private isOver = false;
  private readonly all: readonly Promise<void>[];

  constructor(users: readonly HttpUser[]) {
    this.all = users.map((user, index) => this.work(user, index % 3));
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.all);
  }

  private async work(user: HttpUser, kind: number): Promise<void> {
    for (let text = 0; !this.isOver; text++) {
      if (kind === 2) await user.readStatus();
      else await user.upload(`${user.options.name} text ${text}`, kind === 0);
    }
  }
}

/** Between the two a gateway died. */
interface Instant {
  readonly beganAtMs: number;
  readonly overAtMs: number;
}

function judgeKills(stage: Stage, clients: ReadonlySet<string>, instants: readonly Instant[]): void {
  stage.afterwards(async ({ directory }) => {
    const found = { repeatable: 0, repeatedElsewhere: 0, others: 0, underWay: 0, late: 0, repeatableFailed: 0 };
    for await (const record of directory.readClients()) {
      if (record.what !== 'answer' || !clients.has(record.client)) continue;
      const hasFailed = record.status < 200 || record.status >= 300;
      if (record.asked === 'status' || record.key !== null) {
        found.repeatable++;
        if (record.gateway?.includes(',')) found.repeatedElsewhere++;
        if (hasFailed) found.repeatableFailed++;
      } else {
        found.others++;
        if (hasFailed && wasUnderWay(record, instants)) found.underWay++;
        else if (hasFailed) found.late++;
      }
    }
    stage.findings.number('requests that another gateway answered', found.repeatedElsewhere);
    stage.findings.number('requests without a key that failed with their gateway', found.underWay);
    stage.findings.check({
      id: 'repeatable-unharmed',
      title: 'No read and no post with a key failed when a gateway died under it',
      verdict: found.repeatedElsewhere === 0 ? 'unknown' : found.repeatableFailed === 0,
      judged: found.repeatable,
      message: `${found.repeatableFailed} failed; ${found.repeatedElsewhere} met a gateway that was gone`,
    });
    stage.findings.check({
      id: 'only-under-way',
      title: 'Of posts without a key only those failed that were under way when a gateway died',
      verdict: found.underWay === 0 ? 'unknown' : found.late === 0,
      judged: found.others,
      message: `${found.late} others failed; ${found.underWay} were under way`,
    });
  });
}

function wasUnderWay({ wallMs, tookMs }: AnswerRecord, instants: readonly Instant[]): boolean {
  return instants.some(({ beganAtMs, overAtMs }) => wallMs - tookMs <= overAtMs && wallMs >= beganAtMs);
}

function gate(stage: Stage, name: string, measured: number, target: number): void {
  stage.gate({ name, measured, target, comparison: '<', unit: 's', source: 'promised to operators' });
}
