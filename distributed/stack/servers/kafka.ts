/** A real Kafka cluster of one or three KRaft nodes, each broker and controller at once. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackContext, Started } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { ServerProcess } from '../process/server-process.ts';
import { javaOptions, type KafkaDistribution, provideKafka } from './kafka-distribution.ts';
import { type KafkaNode, kafkaProperties, metaProperties, randomId } from './kafka-settings.ts';
import type { AdvertisedPort } from './ways.ts';

/** `ways`: listeners beside the usual one, of a single node. */
export async function startKafka(
  context: StackContext,
  nodeCount: 1 | 3,
  ways: readonly AdvertisedPort[] = [],
): Promise<Started> {
  const distribution = await provideKafka(context);
  const ports = await freePorts(2 * nodeCount);
  const nodes = Array.from({ length: nodeCount }, (_, index) => ({
    id: index + 1,
    brokerPort: ports[2 * index] ?? 0,
    controllerPort: ports[2 * index + 1] ?? 0,
  }));
  const clusterId = randomId();
  const servers = await Promise.all(
    nodes.map((node) => prepareNode({ node, nodes, clusterId, distribution, context, ways })),
  );
  const results = await Promise.allSettled(servers.map((server) => server.start(context.signal)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(servers.map((server) => server.abandon()));
    throw failed.reason;
  }
  const { version, from, java } = distribution;
  return {
    servers,
    address: nodes.map((node) => `127.0.0.1:${node.brokerPort}`).join(','),
    description: `Apache Kafka ${version} (${from}, Java ${java.version}, ${nodeCount === 1 ? '1 node' : `${nodeCount} nodes`})`,
  };
}

interface NodeOptions {
  readonly node: KafkaNode;
  readonly nodes: readonly KafkaNode[];
  readonly clusterId: string;
  readonly distribution: KafkaDistribution;
  readonly context: StackContext;
  readonly ways: readonly AdvertisedPort[];
}

async function prepareNode(options: NodeOptions): Promise<ServerProcess> {
  const { node, nodes, clusterId, distribution, context, ways } = options;
  const name = nodes.length === 1 ? 'kafka' : `kafka-${node.id}`;
  const folder = join(context.dataDir, `${name}-${clusterId.slice(0, 6)}`);
  const data = join(folder, 'data');
  await mkdir(data, { recursive: true });
  // The same files `kafka-storage format` writes, without its JVM.
  await writeFile(join(data, 'meta.properties'), metaProperties(clusterId, node.id));
  await copyFile(distribution.bootstrapCheckpoint, join(data, 'bootstrap.checkpoint'));
  const properties = join(folder, 'server.properties');
  await writeFile(properties, kafkaProperties({ nodes, id: node.id, folder: data, ways }));
  const archive = `-XX:SharedArchiveFile=${distribution.classArchive}`;
  const jvmOptions = [...javaOptions(nodes.length === 1 ? '512m' : '384m'), archive];
  return new ServerProcess(
    {
      name,
      port: node.brokerPort,
      command: distribution.java.command,
      args: [...jvmOptions, '-cp', distribution.classPath, 'kafka.Kafka', properties],
      env: process.env,
      folder,
      logFile: join(context.dataDir, `${name}.log`),
      user: undefined,
      readyPattern: /Kafka Server started/,
      startMsMax: 90_000,
      stopSignal: 'SIGTERM',
      stopMsMax: 30_000,
      abandonSignal: 'SIGKILL',
    },
    context.guardian,
  );
}
