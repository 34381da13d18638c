/**
 * A Redis server without persistence: the one of this machine, else Debian's packages unpacked into the cache.
 */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackContext, Started } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { StackError } from '../process/stack-error.ts';
import { cached } from '../programs/cache.ts';
import { isDebian, systemRelease, unpackPackages } from '../programs/debian.ts';
import { programOnPath } from '../programs/find-program.ts';
import { WatchedRedis, writeSentinelSettings } from './watched-redis.ts';

export const REDIS_DATABASES = 256;
const SENTINELS = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

export interface RedisProgram {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  readonly from: string;
}

export function installedRedis(): RedisProgram | undefined {
  const command = programOnPath('redis-server', 'valkey-server');
  return command === undefined ? undefined : { command, env: process.env, from: command };
}

/** The libraries fit one release of the system only. */
export function redisCacheEntry(): string {
  return `redis-${systemRelease()}-${process.arch}`;
}

export function redisArguments(port: number, folder: string): readonly string[] {
  const server = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
  return [...server, ...redisSettings(), '--daemonize', 'no', '--logfile', ''];
}

/** Wherever the server runs. */
export function redisSettings(): readonly string[] {
  const memoryOnly = ['--save', '', '--appendonly', 'no'];
  return [...memoryOnly, '--tcp-backlog', '128', '--databases', `${REDIS_DATABASES}`];
}

export function redisRemedy(): string {
  return `${process.platform === 'darwin' ? 'brew install redis' : 'install Redis or Valkey'}, or set REDIS_URL`;
}

export async function startRedis(context: StackContext): Promise<Started> {
  const program = await redisProgram(context);
  const server = await prepareServer(context, program, { name: 'redis', argumentsOf: redisArguments });
  const [version] = await Promise.all([redisVersion(program, context), server.start(context.signal)]);
  const address = `redis://127.0.0.1:${server.port}`;
  return { servers: [server], address, description: `${version} (${program.from})` };
}

/** The address is one that leads to whichever of the two is the master. */
export async function startWatchedRedis(context: StackContext): Promise<Started> {
  const program = await redisProgram(context);
  const version = await redisVersion(program, context);
  const start = async (name: string, argumentsOf: ServerPlan['argumentsOf']) => {
    const server = await prepareServer(context, program, { name, argumentsOf });
    await server.start(context.signal);
    return server;
  };
  const master = await start('redis', redisArguments);
  const following = ['--replicaof', '127.0.0.1', `${master.port}`];
  const replica = await start('redis-replica', (port, folder) => [...redisArguments(port, folder), ...following]);
  const sentinels = await Promise.all(
    SENTINELS.map((name) =>
      start(name, async (port, folder) => [
        await writeSentinelSettings(folder, { port, masterPort: master.port }),
        '--sentinel',
      ]),
    ),
  );
  const [port = 0] = await freePorts(1);
  const watched = await WatchedRedis.open({ master, replica, sentinels }, port);
  const servers = [master, replica, ...sentinels];
  const description = `${version} (${program.from}) with a replica and ${sentinels.length} sentinels`;
  return { servers, address: `redis://127.0.0.1:${port}`, description, watchedRedis: watched };
}

interface ServerPlan {
  readonly name: string;
  readonly argumentsOf: (port: number, folder: string) => readonly string[] | Promise<readonly string[]>;
}

async function prepareServer(context: StackContext, program: RedisProgram, plan: ServerPlan): Promise<ServerProcess> {
  const { name, argumentsOf } = plan;
  const folder = join(context.dataDir, name);
  await mkdir(folder, { recursive: true });
  const [port = 0] = await freePorts(1);
  return new ServerProcess(
    {
      name,
      port,
      command: program.command,
      args: await argumentsOf(port, folder),
      env: program.env,
      folder,
      logFile: join(context.dataDir, `${name}.log`),
      user: undefined,
      readyPattern: /ready to accept connections|Sentinel ID is/i,
      startMsMax: 20_000,
      stopSignal: 'SIGTERM',
      stopMsMax: 5_000,
      abandonSignal: 'SIGKILL',
    },
    context.guardian,
  );
}

/** Whatever runs a server here; it runs a sentinel as well. */
export async function redisProgram(context: StackContext): Promise<RedisProgram> {
  return installedRedis() ?? (await redisFromDebian(context));
}

async function redisVersion(program: RedisProgram, context: Pick<StackContext, 'guardian'>): Promise<string> {
  const output = await runCommand(program.command, ['--version'], {
    guardian: context.guardian,
    env: program.env,
    runMsMax: 10_000,
  });
  const name = /valkey/i.test(output) ? 'Valkey' : 'Redis';
  return `${name} ${/v=(\S+)/.exec(output)?.[1] ?? output.trim()}`;
}

async function redisFromDebian(context: StackContext): Promise<RedisProgram> {
  if (!isDebian()) {
    throw new StackError(`redis-server is missing: ${redisRemedy()}`);
  }
  const folder = await cached(redisCacheEntry(), async (building) => {
    await unpackPackages('redis-server', building, context);
    const entry = join(building, 'unpacked');
    await mkdir(entry);
    await rename(join(building, 'usr'), join(entry, 'usr'));
    // Only what runs becomes an entry.
    await redisVersion(await unpackedProgram(entry), context);
    return entry;
  });
  return unpackedProgram(folder);
}

async function unpackedProgram(folder: string): Promise<RedisProgram> {
  const libraries = join(folder, 'usr', 'lib');
  const folders = (await readdir(libraries, { withFileTypes: true })).filter((found) => found.isDirectory());
  const path = [...folders.map((found) => join(libraries, found.name)), libraries].join(':');
  const command = join(folder, 'usr', 'bin', 'redis-server');
  return { command, env: { ...process.env, LD_LIBRARY_PATH: path }, from: 'Debian packages in the cache' };
}
