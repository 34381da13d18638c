/**
 * PostgreSQL, Redis and a Kafka node as containers, with the settings of the local stack's servers and the images of
 * the compose file. What is started here has the stack's label, by which the guardian finds it.
 */
import { join } from 'node:path';
import { ImageName } from 'testcontainers';
import type { StackContext, Started } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { announced } from '../process/progress.ts';
import { StackError } from '../process/stack-error.ts';
import type { ServerKind } from '../servers/external.ts';
import { KAFKA_CONTAINER_PORT, kafkaEnvironment, randomId } from '../servers/kafka-settings.ts';
import { postgresSettings } from '../servers/postgres.ts';
import { redisSettings } from '../servers/redis.ts';
import { type ContainerEngine, within } from './container-engine.ts';
import { imageOf, tagOf } from './container-images.ts';
import { type ContainerSettings, ServerContainer } from './server-container.ts';

const PULL_MS_MAX = 900_000;

type Recipe = Omit<ContainerSettings, 'name' | 'image' | 'port' | 'logFile'> & {
  readonly address: string;
  readonly product: string;
  /** Prints the version; where there is none, the tag is it. */
  readonly versionCommand?: readonly string[];
};

export async function startContainer(
  kind: ServerKind,
  context: StackContext,
  engine: ContainerEngine,
): Promise<Started> {
  const image = imageOf(kind);
  await provideImage(image, context, engine);
  const [port = 0] = await freePorts(1);
  const recipe = RECIPES[kind](`${engine.host}:${port}`);
  const logFile = join(context.dataDir, `${kind}.log`);
  const server = new ServerContainer({ ...recipe, name: kind, image, port, logFile }, engine);
  await server.start(context.signal);
  const version = await versionOf(server, recipe, image);
  return {
    servers: [server],
    address: recipe.address,
    description: `${recipe.product} ${version} (container of ${image}, Docker ${engine.version}${kind === 'kafka' ? ', 1 node' : ''})`,
  };
}

const RECIPES: Readonly<Record<ServerKind, (endpoint: string) => Recipe>> = {
  postgres: (endpoint) => ({
    product: 'PostgreSQL',
    address: `postgresql://postgres@${endpoint}/postgres`,
    containerPort: 5432,
    environment: {
      POSTGRES_HOST_AUTH_METHOD: 'trust',
      POSTGRES_INITDB_ARGS: '--encoding=UTF8 --no-locale --no-sync',
      TZ: 'UTC',
    },
    command: ['postgres', ...postgresSettings()],
    readyPattern: /database system is ready to accept connections/,
    // The image starts it once to prepare the database.
    readyLinesAtFirst: 2,
    startMsMax: 60_000,
    stopMsMax: 20_000,
    versionCommand: ['postgres', '--version'],
  }),
  redis: (endpoint) => ({
    product: 'Redis',
    address: `redis://${endpoint}`,
    containerPort: 6379,
    environment: {},
    // Only the published port leads to it.
    command: ['redis-server', ...redisSettings(), '--bind', '0.0.0.0', '--protected-mode', 'no'],
    readyPattern: /ready to accept connections/i,
    readyLinesAtFirst: 1,
    startMsMax: 20_000,
    stopMsMax: 5_000,
    versionCommand: ['redis-server', '--version'],
  }),
  kafka: (endpoint) => ({
    product: 'Apache Kafka',
    address: endpoint,
    containerPort: KAFKA_CONTAINER_PORT,
    environment: kafkaEnvironment(endpoint, randomId()),
    readyPattern: /Kafka Server started/,
    readyLinesAtFirst: 1,
    startMsMax: 120_000,
    stopMsMax: 30_000,
  }),
};

async function provideImage(image: string, context: StackContext, { client }: ContainerEngine): Promise<void> {
  const name = ImageName.fromString(image);
  if (await within(PULL_MS_MAX, 'look for an image', client.image.exists(name), context.signal)) return;
  await announced(`fetching the image ${image} (once)`, context.onProgress, () =>
    within(PULL_MS_MAX, `fetch ${image}`, client.image.pull(name), context.signal),
  ).catch((error: unknown) => {
    if (error instanceof StackError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StackError(`the image ${image} cannot be fetched: ${reason}`, { cause: error });
  });
}

async function versionOf(server: ServerContainer, { versionCommand }: Recipe, image: string): Promise<string> {
  if (versionCommand === undefined) return tagOf(image);
  return /\d+\.\d+(\.\d+)*/.exec(await server.ask(versionCommand))?.[0] ?? tagOf(image);
}
