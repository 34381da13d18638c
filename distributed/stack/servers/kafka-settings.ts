/**
 * Settings of the stack's KRaft cluster. Durability is as in production (three nodes: two replicas must acknowledge),
 * what makes a cluster slow to react is shortened: rebalances begin at once, a dead node is noticed in seconds.
 */
import { randomBytes } from 'node:crypto';
import type { AdvertisedPort } from './ways.ts';

/** A killed node may register again only when its former session ended, even if it is alone. */
const QUICK_REACTION = {
  'broker.session.timeout.ms': 3_000,
  'broker.heartbeat.interval.ms': 500,
  'controller.quorum.election.timeout.ms': 500,
  'controller.quorum.fetch.timeout.ms': 1_000,
};

export interface KafkaNode {
  readonly id: number;
  readonly brokerPort: number;
  readonly controllerPort: number;
}

export function kafkaProperties(options: {
  nodes: readonly KafkaNode[];
  id: number;
  folder: string;
  /** Listeners of clients that come by ports of their own. */
  ways?: readonly AdvertisedPort[];
}): string {
  const { nodes, id, folder, ways = [] } = options;
  const self = nodes.find((node) => node.id === id);
  const voters = nodes.map((node) => `${node.id}@127.0.0.1:${node.controllerPort}`).join(',');
  const settings: Settings = {
    'node.id': id,
    'controller.quorum.voters': voters,
    listeners: `BROKER://127.0.0.1:${self?.brokerPort},CONTROLLER://127.0.0.1:${self?.controllerPort}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    ...(ways.length > 0 && wayListeners(self, ways)),
    'log.dirs': folder,
    ...commonSettings(nodes.length),
  };
  return `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

/** Replaces the listeners of a node: each way has one that sends its client back to the same way. */
function wayListeners(self: KafkaNode | undefined, ways: readonly AdvertisedPort[]): Settings {
  const own = [
    { name: 'BROKER', port: self?.brokerPort, advertisedPort: self?.brokerPort },
    ...ways.map((way, index) => ({ name: `WAY${index}`, ...way })),
  ];
  const listeners = own.map(({ name, port }) => `${name}://127.0.0.1:${port}`);
  return {
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${self?.controllerPort}`].join(','),
    'advertised.listeners': own.map(({ name, advertisedPort }) => `${name}://127.0.0.1:${advertisedPort}`).join(','),
    'listener.security.protocol.map': [...own.map(({ name }) => name), 'CONTROLLER']
      .map((name) => `${name}:PLAINTEXT`)
      .join(','),
  };
}

export const KAFKA_CONTAINER_PORT = 9092;

/**
 * The settings of a single node as the variables of its image. Clients come through a published port, which the node
 * itself cannot reach, so it has a listener of its own.
 */
export function kafkaEnvironment(clientAddress: string, clusterId: string): Record<string, string> {
  const settings: Settings = {
    'node.id': 1,
    'controller.quorum.voters': '1@localhost:9093',
    listeners: `CLIENT://:${KAFKA_CONTAINER_PORT},BROKER://localhost:9094,CONTROLLER://localhost:9093`,
    'advertised.listeners': `CLIENT://${clientAddress},BROKER://localhost:9094`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': '/var/lib/kafka/data',
    ...commonSettings(1),
  };
  const variables = Object.entries(settings).map(([name, value]) => [
    `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
    `${value}`,
  ]);
  const jvm = { KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_JVM_PERFORMANCE_OPTS: QUICK_START.join(' ') };
  return { ...Object.fromEntries(variables), ...jvm, CLUSTER_ID: clusterId };
}

type Settings = Readonly<Record<string, string | number | boolean>>;

function commonSettings(replicas: number): Settings {
  return {
    'process.roles': 'broker,controller',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': replicas === 1 ? 1 : 2,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': replicas === 1 ? 1 : 2,
    'transaction.state.log.num.partitions': 5,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': replicas === 1 ? 1 : 2,
    'group.initial.rebalance.delay.ms': 0,
    // Scenarios with dead consumers need not wait the usual six seconds and more.
    'group.min.session.timeout.ms': 1_000,
    // Nothing a judge wants to read back may expire.
    'log.retention.ms': -1,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    ...QUICK_REACTION,
  };
}

/** Of the JVM: it serves minutes, too short for a costly compiler to pay. */
export const QUICK_START = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** Identity of one node's folder, as `kafka-storage format` writes it. */
export function metaProperties(clusterId: string, nodeId: number): string {
  const lines = ['version=1', `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${randomId()}`];
  return `${lines.join('\n')}\n`;
}

/** Sixteen random bytes in base64url. */
export function randomId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    // Kafka's tools take a leading dash for an option.
    if (!id.startsWith('-')) return id;
  }
}
