/**
 * Tells whether the local stack can start on this machine. Pure: facts in, findings out. Every finding that stands in
 * the way carries what mends it.
 */
import { type ServerKind, STACK_VARIABLES } from '../servers/external.ts';

const NODE_MIN = [20, 11] as const;
const GIGABYTE = 1_000_000_000;
const DISK_FREE_BYTES_MIN = GIGABYTE;
const MEMORY_FREE_BYTES_MIN = GIGABYTE;

export interface MachineFacts {
  readonly node: string;
  readonly pnpm: string | undefined;
  readonly platform: string;
  readonly root: boolean;
  readonly debian: boolean;
  readonly java: { readonly version: string; readonly command: string } | undefined;
  readonly maven: string | undefined;
  readonly postgres: { readonly version: string; readonly from: string } | { readonly problem: string };
  /** Program on PATH, or the unpacked packages in the cache. */
  readonly redis: string | undefined;
  readonly kafkaHome: { readonly folder: string; readonly version: string | undefined } | undefined;
  readonly kafkaJarsCached: boolean;
  readonly docker: { readonly version: string; readonly reachable: boolean } | undefined;
  readonly cores: number;
  readonly memoryFreeBytes: number;
  readonly diskFreeBytes: { readonly temporary: number; readonly cache: number };
  readonly cacheDirectory: string;
  /** Servers named by the environment; undefined where a local one is to be started. */
  readonly external: Readonly<Record<ServerKind, { readonly answers: boolean } | undefined>>;
  readonly remedies: { readonly java: string; readonly maven: string; readonly redis: string };
}

export interface Finding {
  readonly name: string;
  /** `note`: worth knowing, does not stop the stack. */
  readonly state: 'ok' | 'note' | 'missing';
  readonly found: string;
  readonly remedy?: string;
}

/** The local stack can start if nothing is missing. */
export function diagnose(facts: MachineFacts): readonly Finding[] {
  return [
    nodeFinding(facts),
    pnpmFinding(facts),
    external(facts, 'postgres') ?? postgresFinding(facts),
    external(facts, 'redis') ?? redisFinding(facts),
    ...kafkaFindings(facts),
    dockerFinding(facts),
    { name: 'cores', state: 'ok', found: `${facts.cores}` },
    roomFinding('free memory', facts.memoryFreeBytes, MEMORY_FREE_BYTES_MIN, 'end other programs'),
    roomFinding('free disk, data', facts.diskFreeBytes.temporary, DISK_FREE_BYTES_MIN, 'make room, or set TMPDIR'),
    roomFinding('free disk, cache', facts.diskFreeBytes.cache, DISK_FREE_BYTES_MIN, 'make room, or set XDG_CACHE_HOME'),
    { name: 'cache', state: 'ok', found: facts.cacheDirectory },
  ];
}

function nodeFinding({ node }: MachineFacts): Finding {
  const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number);
  const enough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  if (enough) return { name: 'Node', state: 'ok', found: node };
  return { name: 'Node', state: 'missing', found: node, remedy: `install Node ${NODE_MIN.join('.')} or newer` };
}

function pnpmFinding({ pnpm }: MachineFacts): Finding {
  if (pnpm !== undefined) return { name: 'pnpm', state: 'ok', found: pnpm };
  return { name: 'pnpm', state: 'note', found: 'not on PATH', remedy: 'npx --yes pnpm@10 works without it' };
}

function external(facts: MachineFacts, kind: ServerKind): Finding | undefined {
  const named = facts.external[kind];
  if (named === undefined) return undefined;
  const variable = STACK_VARIABLES[kind];
  const name = { postgres: 'PostgreSQL', redis: 'Redis', kafka: 'Kafka' }[kind];
  if (named.answers) return { name, state: 'ok', found: `external, ${variable} answers` };
  return { name, state: 'missing', found: `${variable} does not answer`, remedy: `unset ${variable}, or correct it` };
}

function postgresFinding({ postgres }: MachineFacts): Finding {
  if ('problem' in postgres) {
    const remedy = 'npx --yes pnpm@10 install, or set DATABASE_URL';
    return { name: 'PostgreSQL', state: 'missing', found: postgres.problem, remedy };
  }
  return { name: 'PostgreSQL', state: 'ok', found: `${postgres.version} (${postgres.from})` };
}

function redisFinding(facts: MachineFacts): Finding {
  if (facts.redis !== undefined) return { name: 'Redis', state: 'ok', found: facts.redis };
  if (facts.debian)
    return { name: 'Redis', state: 'note', found: 'fetched from the Debian archive at the first start' };
  return { name: 'Redis', state: 'missing', found: 'no redis-server or valkey-server', remedy: facts.remedies.redis };
}

function kafkaFindings(facts: MachineFacts): readonly Finding[] {
  const named = external(facts, 'kafka');
  if (named !== undefined) return [named];
  const { kafkaHome } = facts;
  if (kafkaHome !== undefined) {
    const home: Finding =
      kafkaHome.version === undefined
        ? {
            name: 'Kafka',
            state: 'missing',
            found: `no Kafka in KAFKA_HOME ${kafkaHome.folder}`,
            remedy: 'unset KAFKA_HOME, or correct it',
          }
        : { name: 'Kafka', state: 'ok', found: `${kafkaHome.version} (KAFKA_HOME)` };
    return [javaFinding(facts), home];
  }
  if (facts.kafkaJarsCached) return [javaFinding(facts), { name: 'Kafka', state: 'ok', found: 'jars in the cache' }];
  return [
    javaFinding(facts),
    mavenFinding(facts),
    { name: 'Kafka', state: 'note', found: 'jars (43 MB) are fetched by Maven at the first start' },
  ];
}

function javaFinding(facts: MachineFacts): Finding {
  if (facts.java !== undefined)
    return { name: 'Java', state: 'ok', found: `${facts.java.version} (${facts.java.command})` };
  return installable('Java', facts, facts.remedies.java);
}

function mavenFinding(facts: MachineFacts): Finding {
  if (facts.maven !== undefined) return { name: 'Maven', state: 'ok', found: facts.maven };
  return installable('Maven', facts, facts.remedies.maven);
}

function installable(name: string, facts: MachineFacts, remedy: string): Finding {
  if (facts.debian && facts.root) return { name, state: 'note', found: 'installed with apt-get at the first start' };
  return { name, state: 'missing', found: 'not found', remedy };
}

function dockerFinding({ docker }: MachineFacts): Finding {
  if (docker === undefined) return { name: 'Docker', state: 'note', found: 'not found (not needed)' };
  const { version, reachable } = docker;
  if (reachable) return { name: 'Docker', state: 'ok', found: version };
  return { name: 'Docker', state: 'note', found: `${version}, its daemon does not answer (not needed)` };
}

function roomFinding(name: string, bytes: number, bytesMin: number, remedy: string): Finding {
  const found = `${(bytes / GIGABYTE).toFixed(1)} GB`;
  if (bytes >= bytesMin) return { name, state: 'ok', found };
  // Memory is an estimate; a full disk is not.
  return { name, state: name === 'free memory' ? 'note' : 'missing', found, remedy };
}
