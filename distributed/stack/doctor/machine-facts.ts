/** Looks at this machine and changes nothing: the facts that `diagnose` needs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from '../process/run-command.ts';
import { cacheDirectory } from '../programs/cache.ts';
import { isDebian, isRoot } from '../programs/debian.ts';
import { programOnPath } from '../programs/find-program.ts';
import { installedJava, javaRemedy, mavenRemedy } from '../programs/java.ts';
import { requireAnswer, type ServerKind, STACK_VARIABLES } from '../servers/external.ts';
import { kafkaVersion, pinnedJars } from '../servers/kafka-distribution.ts';
import { findPostgres } from '../servers/postgres-binaries.ts';
import { installedRedis, redisCacheEntry, redisRemedy } from '../servers/redis.ts';
import type { MachineFacts } from './doctor.ts';

const PROBE_MS_MAX = 5_000;

export async function lookAround(): Promise<MachineFacts> {
  const [java, pnpm, postgres, docker, temporary, cache, externalPostgres, externalRedis, externalKafka] =
    await Promise.all([
      installedJava(),
      pnpmVersion(),
      postgresFacts(),
      dockerFacts(),
      freeBytes(tmpdir()),
      freeBytes(cacheDirectory()),
      externalFacts('postgres'),
      externalFacts('redis'),
      externalFacts('kafka'),
    ]);
  return {
    node: process.version,
    pnpm,
    platform: process.platform,
    root: isRoot(),
    debian: isDebian(),
    java,
    maven: programOnPath('mvn'),
    postgres,
    redis:
      installedRedis()?.from ?? (existsSync(join(cacheDirectory(), redisCacheEntry())) ? 'in the cache' : undefined),
    kafkaHome: kafkaHomeFacts(),
    kafkaJarsCached: existsSync(pinnedJars()),
    docker,
    cores: availableParallelism(),
    memoryFreeBytes: availableMemoryBytes(),
    diskFreeBytes: { temporary, cache },
    cacheDirectory: cacheDirectory(),
    external: { postgres: externalPostgres, redis: externalRedis, kafka: externalKafka },
    remedies: { java: javaRemedy(), maven: mavenRemedy(), redis: redisRemedy() },
  };
}

async function pnpmVersion(): Promise<string | undefined> {
  const running = /pnpm\/(\S+)/.exec(process.env['npm_config_user_agent'] ?? '')?.[1];
  if (running !== undefined) return running;
  if (programOnPath('pnpm') === undefined) return undefined;
  return (await runCommand('pnpm', ['--version'], { runMsMax: PROBE_MS_MAX }).catch(() => undefined))?.trim();
}

/** Where the search may copy binaries, a folder that is gone afterwards. */
async function postgresFacts(): Promise<MachineFacts['postgres']> {
  const folder = await mkdtemp(join(tmpdir(), 'els-doctor-'));
  try {
    const { version, from } = await findPostgres({ dataDir: folder });
    return { version, from };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function dockerFacts(): Promise<MachineFacts['docker']> {
  if (programOnPath('docker') === undefined) return undefined;
  const probe = (...args: string[]) => runCommand('docker', args, { runMsMax: PROBE_MS_MAX }).catch(() => undefined);
  const [client, server] = await Promise.all([probe('--version'), probe('version', '--format', '{{.Server.Version}}')]);
  const version = /\d+(?:\.\d+)+/.exec(client ?? '')?.[0] ?? 'unknown version';
  return { version, reachable: server !== undefined && server.trim() !== '' };
}

async function externalFacts(kind: ServerKind): Promise<{ answers: boolean } | undefined> {
  const value = process.env[STACK_VARIABLES[kind]]?.trim();
  if (!value) return undefined;
  return requireAnswer(STACK_VARIABLES[kind], value).then(
    () => ({ answers: true }),
    () => ({ answers: false }),
  );
}

function kafkaHomeFacts(): MachineFacts['kafkaHome'] {
  const folder = process.env['KAFKA_HOME'];
  if (!folder) return undefined;
  const libraries = join(folder, 'libs');
  return { folder, version: existsSync(libraries) ? kafkaVersion(readdirSync(libraries)) : undefined };
}

/** Linux keeps files in memory that it gives back at once; `freemem` counts them as used. */
function availableMemoryBytes(): number {
  if (!existsSync('/proc/meminfo')) return freemem();
  const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1_024;
}

/** Of the file system that holds the folder, or will hold it. */
async function freeBytes(folder: string): Promise<number> {
  let existing = folder;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  return bavail * bsize;
}
