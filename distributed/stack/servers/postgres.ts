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

/** nobody, on every system we know. */
const UNPRIVILEGED = { uid: 65_534, gid: 65_534 };

/** Wherever the server runs. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '200',
  shared_buffers: '256MB',
  track_commit_timestamp: 'on',
  synchronous_commit: 'on',
  fsync: 'on',
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

export async function startPostgres(context: StackContext): Promise<Started> {
  const binaries = await findPostgres(context);
  const user = isRoot() ? UNPRIVILEGED : undefined;
  const folder = join(context.dataDir, `postgres-${randomBytes(3).toString('hex')}`);
  await mkdir(folder, { mode: 0o700 });
  await chmod(folder, 0o700);
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const { guardian, signal } = context;
  const options = { guardian, signal, cwd: folder, env, runMsMax: 60_000, ...user };
  const initdb = ['-D', folder, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-locale'];
  // Only what initdb wrote may be lost with the machine; the server itself does sync.
  await runCommand(join(binaries.folder, 'initdb'), [...initdb, '--no-sync', '--no-instructions'], options);
  const [port = 0] = await freePorts(1);
  const server = new ServerProcess(
    {
      name: 'postgres',
      port,
      command: join(binaries.folder, 'postgres'),
      args: postgresArguments(port, folder),
      env,
      folder,
      logFile: join(context.dataDir, 'postgres.log'),
      user,
      readyPattern: /database system is ready to accept connections/,
      // Processes of a killed server end by themselves, but not at once.
      remainsPattern: /pre-existing shared memory block|lock file "postmaster.pid" already exists/,
      startMsMax: 60_000,
      stopSignal: 'SIGINT',
      stopMsMax: 20_000,
      abandonSignal: 'SIGQUIT',
    },
    context.guardian,
  );
  await server.start(signal);
  return {
    servers: [server],
    address: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    description: `PostgreSQL ${binaries.version} (${binaries.from})`,
  };
}
