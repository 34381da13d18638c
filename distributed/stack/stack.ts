/**
 * The stack: real PostgreSQL, Redis and Kafka as child processes on loopback ports, in a folder of their own, or as
 * containers. DATABASE_URL, REDIS_URL and KAFKA_BROKERS each replace the server they name. Nothing is left behind,
 * whether the stack is stopped, the starting process is killed or a start fails half way.
 */
import type { FailingOverRedis, StackContext, Standby, Started } from './process/context.ts';
import { Guardian } from './process/guardian.ts';
import type { Progress } from './process/progress.ts';
import type { Server } from './process/server.ts';
import { PortTakenError, StackError } from './process/stack-error.ts';
import { fakeTimeLibrary } from './programs/faketime.ts';
import { makeDataFolder } from './servers/data-folder.ts';
import { requireAnswer, type ServerKind, STACK_VARIABLES } from './servers/external.ts';
import { startKafka } from './servers/kafka.ts';
import { startPostgres } from './servers/postgres.ts';
import { startRedis, startWatchedRedis } from './servers/redis.ts';
import type { SmallDiskFor } from './servers/small-disk.ts';
import type { StandbyKind } from './servers/standby.ts';
import { type AdvertisedPort, choosePorts, closeWays, openWays, type Way } from './servers/ways.ts';

/** Where the servers of a stack come from, unless the environment names them one by one. */
export const STACK_SOURCES = ['local', 'docker'] as const;
export type StackSource = (typeof STACK_SOURCES)[number];

export const SOURCE_VARIABLE = 'ELS_STACK';

/** For tests and programs that are not told otherwise. */
export function stackSource(): StackSource {
  const value = process.env[SOURCE_VARIABLE]?.trim() || 'local';
  const source = STACK_SOURCES.find((known) => known === value);
  if (source === undefined) throw new StackError(`${SOURCE_VARIABLE} is ${value}; it is ${STACK_SOURCES.join(' or ')}`);
  return source;
}

const PORT_ATTEMPTS_MAX = 5;
const SILENCE_MS_MAX = 1_800;

/** What servers there are, and how they are reached, beyond one of each. */
export type ServerNeeds = Pick<
  StackOptions,
  'kafkaNodes' | 'standby' | 'smallDisk' | 'redisSentinels' | 'ways' | 'clocks'
>;

export interface StackOptions {
  /** What ELS_STACK says if not given, else local. */
  readonly source?: StackSource;
  readonly kafkaNodes?: 1 | 3;
  /** A second PostgreSQL that follows the first; none if not given. */
  readonly standby?: StandbyKind;
  /** What PostgreSQL writes to a file system of its own that can be filled; nothing if not given. Not with a standby. */
  readonly smallDisk?: SmallDiskFor;
  /** Redis with a replica and sentinels that promote it; one server if not given. */
  readonly redisSentinels?: boolean;
  /** Clients that get a way of their own to every server; none if not given. */
  readonly ways?: number;
  /** A library by which clients can have clocks of their own. */
  readonly clocks?: boolean;
  readonly onProgress: Progress;
  /** Where the stack's data folder is made; a temporary folder of the system if not given. */
  readonly dataDir?: string;
  /** Only these servers; all three if not given. Addresses of the others are empty. */
  readonly onlyNeeded?: readonly ServerKind[];
}

export interface Stack {
  readonly databaseUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly redisUrl: string;
  /** Version and origin of each server, or `external`. */
  readonly description: Readonly<Record<ServerKind, string>>;
  readonly servers: readonly Server[];
  /** Of PostgreSQL, where one was asked for. Then `databaseUrl` leads to whichever of the two takes writes. */
  readonly standby: Standby | undefined;
  /** Folder of the file system that can be filled, where one was asked for. */
  readonly smallDisk: string | undefined;
  /** Redis with sentinels, where it was asked for. Then `redisUrl` leads to the master. */
  readonly watchedRedis: FailingOverRedis | undefined;
  /** As many as were asked for, beside the addresses above. */
  readonly ways: readonly Way[];
  /** Where clients can have clocks of their own: the library that does it. */
  readonly clockLibrary: string | undefined;
  readonly dataDir: string;
  /** The process that cleans up if this one is killed. */
  readonly guardianPid: number | undefined;
  stop(): Promise<void>;
}

type StartServers = (kind: ServerKind, context: StackContext) => Promise<Started>;

export async function startStack(options: StackOptions): Promise<Stack> {
  const startedAtMs = Date.now();
  const kinds = options.onlyNeeded ?? (['postgres', 'redis', 'kafka'] as const);
  const servers = await serversFrom(options.source ?? stackSource(), options);
  const dataDir = await makeDataFolder(options.dataDir);
  const guardian = new Guardian(dataDir);
  servers.watchedBy(guardian);
  const waiting = new Set(kinds);
  const report = reportWithoutSilence(options.onProgress, () => `waiting for ${[...waiting].join(', ')}`);
  const abort = new AbortController();
  const context: StackContext = { dataDir, guardian, signal: abort.signal, onProgress: report.say };
  const start = async (kind: ServerKind): Promise<[ServerKind, Started]> => {
    try {
      const started = await startKind(kind, context, servers.start);
      waiting.delete(kind);
      report.say(`${kind}: ${started.description}, after ${((Date.now() - startedAtMs) / 1_000).toFixed(1)} s`);
      return [kind, started];
    } catch (error) {
      abort.abort(error);
      throw error;
    }
  };
  report.say(`starting ${kinds.join(', ')}`);
  const results = await Promise.allSettled(kinds.map(start));
  report.end();
  const started = new Map(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
  const ways: Way[] = [];
  const stop = stopOnce([...started.values()], ways, guardian);
  if (abort.signal.aborted) {
    await stop();
    // The first failure; the others may only be its consequence.
    throw abort.signal.reason;
  }
  ways.push(...(await openWaysTo(started, servers.ways)));
  const clockLibrary = options.clocks === true ? await fakeTimeLibrary(context) : undefined;
  return stackOf(started, { ways, clockLibrary, dataDir, guardianPid: guardian.pid, stop });
}

function stackOf(
  started: ReadonlyMap<ServerKind, Started>,
  rest: Pick<Stack, 'ways' | 'clockLibrary' | 'dataDir' | 'guardianPid' | 'stop'>,
): Stack {
  const describe = (kind: ServerKind) => started.get(kind)?.description ?? 'not started';
  return {
    databaseUrl: started.get('postgres')?.address ?? '',
    redisUrl: started.get('redis')?.address ?? '',
    kafkaBrokers: (started.get('kafka')?.address ?? '').split(',').filter((broker) => broker !== ''),
    description: { postgres: describe('postgres'), redis: describe('redis'), kafka: describe('kafka') },
    servers: [...started.values()].flatMap((each) => each.servers),
    standby: started.get('postgres')?.standby,
    smallDisk: started.get('postgres')?.smallDisk,
    watchedRedis: started.get('redis')?.watchedRedis,
    ...rest,
  };
}

async function serversFrom(
  source: StackSource,
  { kafkaNodes = 1, standby, smallDisk, redisSentinels = false, ways: wayCount = 0 }: ServerNeeds,
): Promise<{ start: StartServers; watchedBy: (guardian: Guardian) => void; ways: readonly AdvertisedPort[] }> {
  if (wayCount > 0 && kafkaNodes !== 1) throw new StackError('ways of their own lead to one Kafka node');
  if (source === 'local') {
    const ways = await choosePorts(wayCount);
    const start: StartServers = (kind, context) => {
      if (kind === 'kafka') return startKafka(context, kafkaNodes, ways);
      if (kind === 'postgres') return startPostgres(context, { standby, smallDisk });
      return redisSentinels ? startWatchedRedis(context) : startRedis(context);
    };
    return { start, watchedBy: () => undefined, ways };
  }
  if (kafkaNodes === 3) throw new StackError('in containers there is one Kafka node: three need the local stack');
  if (standby !== undefined) throw new StackError('in containers PostgreSQL has no standby: it needs the local stack');
  if (smallDisk !== undefined) throw new StackError('in containers no disk is small: it needs the local stack');
  if (redisSentinels) throw new StackError('in containers Redis has no sentinels: they need the local stack');
  if (wayCount > 0) throw new StackError('in containers there are no ways of their own: they need the local stack');
  // Only now: the library takes longer to load than Redis to start.
  const [{ openEngine }, { startContainer }] = await Promise.all([
    import('./containers/container-engine.ts'),
    import('./containers/containers.ts'),
  ]);
  const engine = await openEngine();
  const label = `${engine.label.name}=${engine.label.value}`;
  return {
    start: (kind, context) => startContainer(kind, context, engine),
    watchedBy: (guardian) => guardian.watchContainers(label, engine.dockerHost),
    ways: [],
  };
}

async function openWaysTo(
  started: ReadonlyMap<ServerKind, Started>,
  ports: readonly AdvertisedPort[],
): Promise<readonly Way[]> {
  if (ports.length === 0) return [];
  const [postgres, redis] = [started.get('postgres')?.servers[0], started.get('redis')?.servers[0]];
  if (postgres === undefined || redis === undefined)
    throw new StackError('ways of their own lead to servers of our own');
  return openWays({ postgres, redis }, ports);
}

async function startKind(kind: ServerKind, context: StackContext, start: StartServers): Promise<Started> {
  const variable = STACK_VARIABLES[kind];
  const external = process.env[variable]?.trim();
  if (external) {
    await requireAnswer(variable, external);
    return { servers: [], address: external, description: 'external' };
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(kind, context);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === PORT_ATTEMPTS_MAX || context.signal.aborted) throw error;
      context.onProgress(`a port of ${kind} was taken meanwhile, starting again with another`);
    }
  }
}

/** Servers first, so that nothing writes into the folder while the guardian removes it. */
function stopOnce(started: readonly Started[], ways: readonly Way[], guardian: Guardian): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await Promise.all(started.flatMap(({ servers }) => servers.map((server) => server.abandon())));
    await Promise.all(started.flatMap(({ standby, watchedRedis }) => [standby?.close(), watchedRedis?.close()]));
    await closeWays(ways);
    await guardian.release();
  };
  return () => {
    stopped ??= stop();
    return stopped;
  };
}

/** Passes lines on, and says what is waited for whenever nothing was said for two seconds. */
function reportWithoutSilence(onProgress: Progress, waitingFor: () => string): { say: Progress; end: () => void } {
  const startedAtMs = Date.now();
  let saidAtMs = startedAtMs;
  const say = (line: string) => {
    saidAtMs = Date.now();
    onProgress(line);
  };
  const beat = setInterval(() => {
    if (Date.now() - saidAtMs < SILENCE_MS_MAX) return;
    say(`${waitingFor()}: ${Math.round((Date.now() - startedAtMs) / 1_000)} s`);
  }, SILENCE_MS_MAX / 6);
  return { say, end: () => clearInterval(beat) };
}
