/**
 * A PostgreSQL server as durable as a production one (fsync and synchronous_commit stay on), only local. Started by
 * root it runs as an unprivileged user, because PostgreSQL refuses to run as root.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackContext, Started } from '../process/context.ts';
import { freePorts } from '../process/free-port.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { isRoot } from '../programs/debian.ts';
import { findPostgres } from './postgres-binaries.ts';
import { makeSmallDisk, type SmallDiskFor } from './small-disk.ts';
import { beginReplication, copyForStandby, followingSettings, type StandbyKind, StandbyPair } from './standby.ts';

/** nobody, on every system we know. */
const USER = isRoot() ? { uid: 65_534, gid: 65_534 } : undefined;
const ENV = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };

/** Wherever the server runs. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '200',
  shared_buffers: '256MB',
  track_commit_timestamp: 'on',
  synchronous_commit: 'on',
  fsync: 'on',
  // A standby that is cut off for a while must find what it missed.
  wal_keep_size: '64MB',
  jit: 'off',
};

export function postgresArguments(port: number, folder: string): readonly string[] {
  const local = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: `${port}` };
  return ['-D', folder, ...settingArguments(local), ...postgresSettings()];
}

export function postgresSettings(): readonly string[] {
  return settingArguments(SETTINGS);
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

export interface PostgresNeeds {
  readonly standby?: StandbyKind | undefined;
  readonly smallDisk?: SmallDiskFor | undefined;
}

/** With a standby the address is one that leads to whichever of the two takes writes. */
export async function startPostgres(context: StackContext, needs: PostgresNeeds = {}): Promise<Started> {
  const { standby, smallDisk: disk } = needs;
  const binaries = await findPostgres(context);
  const program = join(binaries.folder, 'postgres');
  const smallDisk = disk === undefined ? undefined : await makeSmallDisk(context);
  const folder = await dataFolder((disk === 'data' && smallDisk) || context.dataDir);
  // A log of its own place, so that it and the tables do not run out of space together.
  const log = disk === undefined ? [] : ['-X', await dataFolder((disk === 'wal' && smallDisk) || context.dataDir)];
  const { guardian, signal } = context;
  const options = { guardian, signal, cwd: folder, env: ENV, runMsMax: 60_000, ...USER };
  const initdb = ['-D', folder, ...log, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-locale'];
  // Only what initdb wrote may be lost with the machine; the server itself does sync.
  await runCommand(join(binaries.folder, 'initdb'), [...initdb, '--no-sync', '--no-instructions'], options);
  const primary = await startServer(context, { name: 'postgres', program, folder, more: [] });
  const description = `PostgreSQL ${binaries.version} (${binaries.from})`;
  if (standby === undefined) {
    const started = { servers: [primary], address: addressOf(primary.port), description };
    return smallDisk === undefined ? started : { ...started, smallDisk };
  }
  const copy = await dataFolder(context.dataDir);
  await copyForStandby({ folder, port: primary.port, user: USER }, copy);
  const more = followingSettings(primary.port);
  const server = await startServer(context, { name: 'postgres-standby', program, folder: copy, more });
  await beginReplication(primary.port, standby);
  const [port = 0] = await freePorts(1);
  const pair = await StandbyPair.open({ primary, server, folder, port });
  return {
    servers: [primary, server],
    address: addressOf(port),
    description: `${description} with ${standby} standby`,
    standby: pair,
  };
}

function addressOf(port: number): string {
  return `postgresql://postgres@127.0.0.1:${port}/postgres`;
}

async function dataFolder(within: string): Promise<string> {
  const folder = join(within, `postgres-${randomBytes(3).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 });
  await chmod(folder, 0o700);
  if (USER !== undefined) await chown(folder, USER.uid, USER.gid);
  return folder;
}

async function startServer(
  context: StackContext,
  server: {
    readonly name: string;
    readonly program: string;
    readonly folder: string;
    readonly more: readonly string[];
  },
): Promise<ServerProcess> {
  const { name, program, folder, more } = server;
  const [port = 0] = await freePorts(1);
  const process = new ServerProcess(
    {
      name,
      port,
      command: program,
      args: [...postgresArguments(port, folder), ...more],
      env: ENV,
      folder,
      logFile: join(context.dataDir, `${name}.log`),
      user: USER,
      readyPattern: /database system is ready to accept (read-only )?connections/,
      // Processes of a killed server end by themselves, but not at once.
      remainsPattern: /pre-existing shared memory block|lock file "postmaster.pid" already exists/,
      startMsMax: 60_000,
      stopSignal: 'SIGINT',
      stopMsMax: 20_000,
      abandonSignal: 'SIGQUIT',
    },
    context.guardian,
  );
  await process.start(context.signal);
  return process;
}
