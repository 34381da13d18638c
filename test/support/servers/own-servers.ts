/**
 * Servers that a test makes as it needs them, with standbys, sentinels, certificates and logins, and treats as it likes.
 * They end with the test, however it ends.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { StackContext } from '../../../distributed/stack/process/context.ts';
import { freePorts, onFreePort } from '../../../distributed/stack/process/free-port.ts';
import { Guardian } from '../../../distributed/stack/process/guardian.ts';
import { ServerProcess, type ServerSettings } from '../../../distributed/stack/process/server-process.ts';
import { isRoot } from '../../../distributed/stack/programs/debian.ts';
import { javaOptions, provideKafka } from '../../../distributed/stack/servers/kafka-distribution.ts';
import { kafkaProperties, metaProperties, randomId } from '../../../distributed/stack/servers/kafka-settings.ts';
import { findPostgres } from '../../../distributed/stack/servers/postgres-binaries.ts';
import { redisProgram } from '../../../distributed/stack/servers/redis.ts';
import { copyForStandby } from '../../../distributed/stack/servers/standby.ts';

const run = promisify(execFile);
const UNPRIVILEGED = isRoot() ? { uid: 65_534, gid: 65_534 } : undefined;

export interface PostgresServer {
  readonly server: ServerProcess;
  readonly folder: string;
  readonly port: number;
}

export class OwnServers {
  readonly folder: string;
  readonly context: StackContext;
  private readonly guardian: Guardian;
  private readonly started: ServerProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.guardian = new Guardian(folder);
    const signal = new AbortController().signal;
    this.context = { dataDir: folder, guardian: this.guardian, signal, onProgress: () => undefined };
  }

  static async open(): Promise<OwnServers> {
    const folder = await mkdtemp(join(tmpdir(), 'els-own-'));
    await chmod(folder, 0o755);
    return new OwnServers(folder);
  }

  async close(): Promise<void> {
    await Promise.all(this.started.map((server) => server.abandon()));
    await this.guardian.release();
  }

  /** A file that every server may read, and nobody else writes. */
  async file(name: string, text: string, mode = 0o600): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text, { mode });
    await chmod(path, mode);
    if (UNPRIVILEGED !== undefined) await chown(path, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
    return path;
  }

  /** The same file as a server wants it: its own, and closed to all others. */
  async copy(path: string): Promise<string> {
    return this.file(`own-${basename(path)}`, await readFile(path, 'utf8'));
  }

  /** `hba`: who may connect how; all from this machine by default, without password. */
  async postgres(options: { settings?: readonly string[]; hba?: string } = {}): Promise<PostgresServer> {
    const { bin, folder } = await this.postgresFolder();
    await this.asPostgres(join(bin, 'initdb'), [
      '-D',
      folder,
      '-U',
      'postgres',
      '--auth=trust',
      '-E',
      'UTF8',
      '--no-sync',
    ]);
    if (options.hba !== undefined) await this.write(join(folder, 'pg_hba.conf'), options.hba);
    return this.startPostgres(bin, folder, options.settings ?? []);
  }

  /** Follows a primary by streaming. */
  async standbyOf(primary: PostgresServer): Promise<PostgresServer> {
    const { bin, folder } = await this.postgresFolder();
    await copyForStandby({ ...primary, user: UNPRIVILEGED }, folder);
    return this.startPostgres(bin, folder, [`primary_conninfo=host=127.0.0.1 port=${primary.port} user=postgres`]);
  }

  /** Any server of Redis' program: `{port}` in its arguments is its port. The bus of a cluster has another, which may be taken. */
  redis(args: readonly string[], configuration = ''): Promise<ServerProcess> {
    return onFreePort('redis', (port) => this.redisOn(port, args, configuration), this.context);
  }

  private async redisOn(port: number, args: readonly string[], configuration: string): Promise<ServerProcess> {
    const program = await redisProgram(this.context);
    const config = await this.file(`redis-${port}.conf`, configuration.replaceAll('{port}', `${port}`), 0o644);
    const data = join(this.folder, `redis-${port}`);
    await mkdir(data);
    return this.start({
      name: `redis-${port}`,
      port,
      command: program.command,
      args: [config, '--dir', data, '--save', '', ...args.map((arg) => arg.replaceAll('{port}', `${port}`))],
      env: program.env,
      folder: data,
      readyPattern: /ready to accept connections|Sentinel ID is/i,
      user: undefined,
    });
  }

  /**
   * One node with the listeners of a test beside its own; `{a}`, `{b}` and so on in the properties are free ports.
   * `scram`: users it knows from its first start, as `kafka-storage format --add-scram` takes them.
   */
  async kafka(properties: string, scram: readonly string[] = []): Promise<ReadonlyMap<string, number>> {
    const distribution = await provideKafka(this.context);
    const names = [...new Set(properties.match(/\{[a-z]\}/g))];
    const [brokerPort = 0, controllerPort = 0, ...ports] = await freePorts(2 + names.length);
    const given = new Map(names.map((name, index) => [name[1] ?? '', ports[index] ?? 0]));
    const folder = await mkdtemp(join(this.folder, 'kafka-'));
    const node = { id: 1, brokerPort, controllerPort };
    const own = properties
      .replace(/\{([a-z])\}/g, (_, name: string) => `${given.get(name)}`)
      .replaceAll('{own}', `BROKER://127.0.0.1:${brokerPort},CONTROLLER://127.0.0.1:${controllerPort}`);
    const file = await this.file('kafka.properties', `${kafkaProperties({ nodes: [node], id: 1, folder })}${own}`);
    if (scram.length === 0) {
      await writeFile(join(folder, 'meta.properties'), metaProperties(randomId(), 1));
      await copyFile(distribution.bootstrapCheckpoint, join(folder, 'bootstrap.checkpoint'));
    } else {
      const tool = ['-cp', distribution.classPath, 'kafka.tools.StorageTool', 'format', '-t', randomId(), '-c', file];
      await run(distribution.java.command, [...tool, ...scram.flatMap((user) => ['--add-scram', user])]);
    }
    await this.start({
      name: 'kafka',
      port: brokerPort,
      command: distribution.java.command,
      args: [...javaOptions('384m'), '-cp', distribution.classPath, 'kafka.Kafka', file],
      env: process.env,
      folder,
      readyPattern: /Kafka Server started/,
      user: undefined,
    });
    return given;
  }

  start(settings: Omit<ServerSettings, 'logFile' | 'startMsMax' | 'stopSignal' | 'stopMsMax' | 'abandonSignal'>) {
    const limits = { startMsMax: 90_000, stopSignal: 'SIGTERM', stopMsMax: 10_000, abandonSignal: 'SIGKILL' } as const;
    const logFile = join(this.folder, `${settings.name}.log`);
    const server = new ServerProcess({ ...limits, ...settings, logFile }, this.guardian);
    this.started.push(server);
    return server.start().then(() => server);
  }

  private async postgresFolder(): Promise<{ bin: string; folder: string }> {
    const { folder: bin } = await findPostgres({ dataDir: this.folder, guardian: this.guardian });
    const folder = await mkdtemp(join(this.folder, 'postgres-'));
    await chmod(folder, 0o700);
    if (UNPRIVILEGED !== undefined) await chown(folder, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
    return { bin, folder };
  }

  private async startPostgres(bin: string, folder: string, settings: readonly string[]): Promise<PostgresServer> {
    const [port = 0] = await freePorts(1);
    const local = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=32MB'];
    const args = [...local, 'fsync=on', 'wal_keep_size=64MB', ...settings].flatMap((setting) => ['-c', setting]);
    const server = await this.start({
      name: `postgres-${port}`,
      port,
      command: join(bin, 'postgres'),
      args: ['-D', folder, ...args],
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      folder,
      readyPattern: /database system is ready to accept (read-only )?connections/,
      user: UNPRIVILEGED,
    });
    return { server, folder, port };
  }

  private async asPostgres(command: string, args: readonly string[]): Promise<void> {
    await run(command, [...args], { cwd: this.folder, env: { ...process.env, LC_ALL: 'C' }, ...UNPRIVILEGED });
  }

  private async write(path: string, text: string): Promise<void> {
    await writeFile(path, text);
    if (UNPRIVILEGED !== undefined) await chown(path, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  }
}
