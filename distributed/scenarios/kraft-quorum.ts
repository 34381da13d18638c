/**
 * Goal: the quorum that keeps Kafka's metadata loses nothing it has acknowledged, elects a leader by itself while a majority
 * is there, takes nothing while there is none, and has the same on all nodes in the end; the service goes on beside it.
 * Method: of three nodes under load a follower is killed, or the leader, or both; topics are made (written), looked up
 * (read) and waited for (watched) on every node that is there, before, meanwhile, and after the return.
 */
import type { Kafka } from 'kafkajs';
import { TARGETS } from '../../artefacts/targets.ts';
import { kafkaClient, withAdmin } from '../cluster/kafka-client.ts';
import { type MetadataQuorum, readQuorum } from '../cluster/metadata-quorum.ts';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { serversKilled } from '../nemesis/server-faults.ts';
import type { Server } from '../stack/process/server.ts';
import { until } from '../stack/process/until.ts';
import { gateSeconds, loadNow } from './steps.ts';

const RATE_PER_SECOND = 150;
const BEFORE_MS = 3_000;
const AWAY_MS = 12_000;
const AFTER_SECONDS = 20;
const NODES = 3;
const WAIT = { limitMs: 30_000, intervalMs: 50 };
/** A write is tried for so long where none may succeed. */
const REFUSED_MS = 5_000;

interface Trouble {
  readonly name: string;
  /** Of followers, beside the leader or not. */
  readonly followers: number;
  readonly isLeaderAway: boolean;
}

const TROUBLES: readonly Trouble[] = [
  { name: 'follower-away', followers: 1, isLeaderAway: false },
  { name: 'leader-away', followers: 0, isLeaderAway: true },
  { name: 'no-majority', followers: 1, isLeaderAway: true },
];

export const kraftQuorum: Scenario = {
  name: 'kraft_quorum',
  goal: "Kafka's metadata quorum keeps what it acknowledged, finds a leader while it has a majority, and agrees in the end.",
  method:
    'Of three KRaft nodes a follower, the leader, or both are killed; topics are made and looked for on every node.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => TROUBLES.map((trouble) => part(request, workers, trouble))),
};

function part(request: PartRequest, workers: number, trouble: Trouble): PartPlan {
  const durationSeconds = (BEFORE_MS + AWAY_MS) / 1_000 + AFTER_SECONDS;
  const load = { ...DEFAULT_LOAD, seed: request.seed, slots: 15, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name: trouble.name,
    workers,
    servers: { kafkaNodes: NODES },
    options: { ...load, ...trouble, awayMs: AWAY_MS },
    run: async (stage) => {
      await stage.startWorkers();
      stage.beginLoad();
      await Promise.all([new Ordeal(stage, trouble).pass(), stage.send(loadNow(load))]);
      await stage.quiesce();
    },
  };
}

class Ordeal {
  private readonly stage: Stage;
  private readonly trouble: Trouble;
  private readonly nodes: readonly Server[];
  private readonly written: string[] = [];

  constructor(stage: Stage, trouble: Trouble) {
    this.stage = stage;
    this.trouble = trouble;
    this.nodes = stage.deps.stack.servers.filter(({ name }) => name.startsWith('kafka-'));
    if (this.nodes.length !== NODES) throw new Error('three nodes of our own are needed');
  }

  async pass(): Promise<void> {
    const { stage, trouble, nodes } = this;
    await stage.pause(BEFORE_MS);
    const before = await this.untilLed(nodes);
    await this.write('before', nodes);
    const isAway = (node: Server) => this.victimsOf(before).includes(node);
    const [away, left] = [nodes.filter(isAway), nodes.filter((node) => !isAway(node))];
    const brokenAtMs = performance.now();
    await stage.whileBroken(serversKilled(away), async () => {
      if (left.length > NODES / 2) await this.goOn(before, left, brokenAtMs);
      else await this.refuse(left);
      await stage.pause(Math.max(0, AWAY_MS - (performance.now() - brokenAtMs)));
    });
    const mendedAtMs = performance.now();
    const after = await this.untilLed(nodes);
    if (trouble.isLeaderAway) this.judgeElection(before, after);
    await this.write('after', nodes);
    const what = 'From the return of all nodes until a change is taken and seen on each';
    gateSeconds(stage, what, performance.now() - mendedAtMs, TARGETS.recoverySecondsMax);
    await this.judgeAgreement();
  }

  private victimsOf({ leader }: MetadataQuorum): readonly Server[] {
    const isLeader = ({ name }: Server) => name === `kafka-${leader}`;
    const followers = this.nodes.filter((node) => !isLeader(node)).slice(0, this.trouble.followers);
    return this.trouble.isLeaderAway ? [...this.nodes.filter(isLeader), ...followers] : followers;
  }

  private async goOn(before: MetadataQuorum, left: readonly Server[], brokenAtMs: number): Promise<void> {
    const led = await this.untilLed(left, this.trouble.isLeaderAway ? before.leader : null);
    if (this.trouble.isLeaderAway) {
      const tookMs = performance.now() - brokenAtMs;
      gateSeconds(this.stage, 'From the death of the leader to another', tookMs, TARGETS.quorumLeaderSecondsMax);
      this.judgeElection(before, led);
    }
    await this.write('meanwhile', left);
    const what = 'From the fault until a change is taken and seen on each node that is left';
    gateSeconds(this.stage, what, performance.now() - brokenAtMs, TARGETS.recoverySecondsMax);
  }

  /** What was asked for in vain may come later, or never: but then on all nodes. */
  private async refuse(left: readonly Server[]): Promise<void> {
    const giveUpAtMs = performance.now() + REFUSED_MS;
    const topic = `${this.prefix}quorum-nobody`;
    let [tried, taken] = [0, 0];
    for (; performance.now() < giveUpAtMs; tried++) {
      await this.make(topic, left).then(
        () => taken++,
        () => undefined,
      );
    }
    this.stage.findings.check({
      id: 'no-majority',
      title: 'Nothing is acknowledged without a majority',
      verdict: taken > 0 ? false : tried > 0 || 'unknown',
      judged: tried,
      message: `${taken} of ${tried} changes were`,
    });
  }

  /** Made by whoever is there, and seen by each of them. */
  private async write(name: string, nodes: readonly Server[]): Promise<void> {
    const topic = `${this.prefix}quorum-${name}`;
    const startedAtMs = performance.now();
    const isMade = () =>
      this.make(topic, nodes).then(
        () => true,
        () => false,
      );
    await until(isMade, new Error(`${topic} could not be made`), WAIT);
    const madeAtMs = performance.now();
    this.written.push(topic);
    await Promise.all(
      nodes.map((node) =>
        until(async () => (await topicsOn(node)).has(topic), new Error(`${node.name} does not see ${topic}`), WAIT),
      ),
    );
    const ms = { unit: 'ms', better: 'lower' } as const;
    this.stage.findings.number(`write ${name}`, madeAtMs - startedAtMs, ms);
    this.stage.findings.number(`seen on each node ${name}`, performance.now() - madeAtMs, ms);
  }

  private async make(topic: string, nodes: readonly Server[]): Promise<void> {
    await withAdmin(clientOf(nodes), async (admin) => {
      const replicationFactor = Math.min(NODES, nodes.length);
      await admin.createTopics({ topics: [{ topic, replicationFactor, numPartitions: 1 }], waitForLeaders: false });
    });
  }

  private get prefix(): string {
    return this.stage.deps.sandbox.addresses.topicPrefix;
  }

  /** By another one than this, if given. */
  private async untilLed(nodes: readonly Server[], former: number | null = null): Promise<MetadataQuorum> {
    let found: MetadataQuorum | null = null;
    const look = async () => {
      const looks = await Promise.all(nodes.map(({ port }) => readQuorum(port).catch(() => null)));
      found = looks.find((each) => each !== null && each.leader >= 0 && each.leader !== former) ?? null;
      return found !== null;
    };
    await until(look, new Error('the metadata quorum has no leader'), WAIT);
    return found ?? Promise.reject(new Error('the metadata quorum has no leader'));
  }

  private judgeElection(before: MetadataQuorum, after: MetadataQuorum): void {
    this.stage.findings.check({
      id: `election-${this.stage.findings.checks.length}`,
      title: 'The leader that died was replaced, in a later epoch',
      verdict: after.epoch > before.epoch,
      message: `epoch ${before.epoch} with node ${before.leader}, then ${after.epoch} with node ${after.leader}`,
    });
  }

  private async judgeAgreement(): Promise<void> {
    const { highWatermark } = await this.untilLed(this.nodes);
    const hasAll = ({ logEnds }: MetadataQuorum) =>
      logEnds.size === NODES && [...logEnds.values()].every((end) => end >= highWatermark);
    const agree = until(async () => hasAll(await this.untilLed(this.nodes)), new Error('a voter lags behind'), WAIT);
    const caughtUp = await agree.then(
      () => true,
      () => false,
    );
    const views = await Promise.all(this.nodes.map(topicsOn));
    const texts = new Set(views.map((topics) => JSON.stringify([...topics].sort())));
    const missing = this.written.filter((topic) => views.some((topics) => !topics.has(topic)));
    this.stage.findings.check({
      id: 'agreement',
      title: 'All nodes have the whole log, the same topics, and each that was acknowledged',
      verdict: caughtUp && texts.size === 1 && missing.length === 0,
      judged: this.written.length,
      message: `${texts.size} different views, not everywhere: ${missing.join(', ') || 'none'}, all caught up: ${caughtUp}`,
    });
  }
}

function clientOf(nodes: readonly Server[]): Kafka {
  return kafkaClient(
    nodes.map(({ host, port }) => `${host}:${port}`),
    'harness-quorum',
  );
}

/** As this node knows them; a client that knows nobody else asks it. */
function topicsOn(node: Server): Promise<ReadonlyMap<string, number>> {
  return withAdmin(clientOf([node]), async (admin) => {
    const { topics } = await admin.fetchTopicMetadata();
    return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
  });
}
