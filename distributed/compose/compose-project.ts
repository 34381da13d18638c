/**
 * One compose project with a name and host ports of its own: built, brought up, looked at, taken down. Nothing of it
 * stays, volumes without a name included; when the harness is told to stop at once or killed, a guardian removes it.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../stack/process/free-port.ts';
import { Guardian } from '../stack/process/guardian.ts';
import { runCommand } from '../stack/process/run-command.ts';
import { StackError } from '../stack/process/stack-error.ts';
import { type Container, parseContainers, parseServiceStates, type ServiceState, serviceOf } from './docker-facts.ts';

const PASSWORD = 'els';
const BUILD_MS_MAX = 20 * 60_000;
const UP_SECONDS_MAX = 300;
const DOWN_MS_MAX = 120_000;
const LOOK_MS_MAX = 30_000;
const DOWN = ['--profile', 'load', 'down', '--volumes', '--remove-orphans'] as const;

export const COMPOSE_FILE = 'docker-compose.distributed-test.yml';

/** Host ports of the compose file and the variables that set them. */
export const PORT_VARIABLES = {
  kafka: 'ELS_KAFKA_PORT',
  postgres: 'ELS_POSTGRES_PORT',
  redis: 'ELS_REDIS_PORT',
  nginx: 'ELS_HTTP_PORT',
  'gateway-nginx': 'ELS_GATEWAY_PORT',
  prometheus: 'ELS_PROMETHEUS_PORT',
  alertmanager: 'ELS_ALERTMANAGER_PORT',
  grafana: 'ELS_GRAFANA_PORT',
} as const;

export type PublishedService = keyof typeof PORT_VARIABLES;

export interface ProjectOptions {
  readonly root: string;
  readonly workers: number;
  /** Services that are not started. */
  readonly without: readonly string[];
  /** Further variables of the compose file. */
  readonly env?: Readonly<Record<string, string>>;
}

export class ComposeProject {
  readonly name = `els-run-${randomBytes(4).toString('hex')}`;
  readonly ports: Readonly<Record<PublishedService, number>>;
  private readonly options: ProjectOptions;
  private readonly env: NodeJS.ProcessEnv;
  /** Names of all volumes seen; those without a name are not labelled as the project's. */
  private readonly volumes = new Set<string>();
  /** From the moment when there is something to remove until it is. */
  private guardian: Guardian | undefined;

  private constructor(options: ProjectOptions, ports: Readonly<Record<PublishedService, number>>) {
    this.options = options;
    this.ports = ports;
    const variables = Object.entries(PORT_VARIABLES).map(([service, variable]) => [
      variable,
      String(ports[service as PublishedService]),
    ]);
    this.env = {
      ...process.env,
      ...Object.fromEntries(variables),
      ELS_POSTGRES_PASSWORD: PASSWORD,
      COMPOSE_PROFILES: '',
      COMPOSE_ANSI: 'never',
      ...options.env,
    };
  }

  static async create(options: ProjectOptions): Promise<ComposeProject> {
    const services = Object.keys(PORT_VARIABLES) as PublishedService[];
    const free = await freePorts(services.length);
    const ports = Object.fromEntries(services.map((service, index) => [service, free[index] ?? 0]));
    return new ComposeProject(options, ports as Record<PublishedService, number>);
  }

  get databaseUrl(): string {
    return `postgres://els:${PASSWORD}@127.0.0.1:${this.ports.postgres}/els`;
  }

  private get label(): string {
    return `com.docker.compose.project=${this.name}`;
  }

  /** Of a container, without the project's. */
  shortName(container: string): string {
    return container.replace(`${this.name}-`, '');
  }

  /** Image by service, as they are used. */
  async images(): Promise<ReadonlyMap<string, string>> {
    const config: unknown = JSON.parse(await this.compose(['config', '--format', 'json']));
    const services = Object(Object(config).services) as Record<string, { image?: string }>;
    return new Map(Object.entries(services).map(([service, { image }]) => [service, image ?? '']));
  }

  async build(signal: AbortSignal): Promise<void> {
    await this.compose(['build', 'worker'], { runMsMax: BUILD_MS_MAX, signal });
  }

  /** Resolves when every service is healthy and every job has ended well. */
  async up(signal: AbortSignal): Promise<void> {
    const { workers, without } = this.options;
    // Named one by one: an image of a service that is only scaled to none would still be fetched.
    const services = [...(await this.images()).keys()].filter((service) => !without.includes(service));
    const wait = ['--detach', '--no-build', '--wait', '--wait-timeout', String(UP_SECONDS_MAX)];
    // The guardian removes its folder in the end, so it gets an empty one.
    this.guardian = new Guardian(mkdtempSync(join(tmpdir(), 'els-compose-')));
    this.guardian.watchContainers(this.label);
    await this.compose(['up', ...wait, '--scale', `worker=${workers}`, ...services], {
      runMsMax: (UP_SECONDS_MAX + 60) * 1_000,
      signal,
    });
    await this.containers();
  }

  /**
   * Runs a service's command once; what it prints. The folder is the container's /out, written as us. An abort asks the
   * container to stop and waits for it: what it did until then is written down.
   */
  async run(service: string, args: readonly string[], options: RunOnceOptions): Promise<string> {
    const user = process.getuid === undefined ? [] : ['--user', `${process.getuid()}:${process.getgid?.() ?? 0}`];
    const { folder, runMsMax, signal } = options;
    const name = `${this.name}-${service}-once`;
    const how = ['--rm', '--no-TTY', '--no-deps', '--name', name, ...user, '--volume', `${folder}:/out`];
    const stop = () => void docker('stop', '--time', '10', name).catch(() => undefined);
    signal.throwIfAborted();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await this.compose(['run', ...how, service, ...args], { runMsMax });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async states(): Promise<ServiceState[]> {
    return parseServiceStates(await this.compose(['ps', '--all', '--format', 'json']));
  }

  async containers(service?: string): Promise<Container[]> {
    const ids = await this.ids();
    if (ids.length === 0) return [];
    const containers = parseContainers(await docker('inspect', ...ids));
    for (const { Mounts } of containers) {
      for (const { Type, Name } of Mounts) if (Type === 'volume' && Name !== undefined) this.volumes.add(Name);
    }
    return service === undefined ? containers : containers.filter((container) => serviceOf(container) === service);
  }

  async stop(service: string): Promise<void> {
    await this.compose(['stop', service], { runMsMax: DOWN_MS_MAX });
  }

  async logOf(service: string): Promise<string> {
    return this.compose(['logs', '--no-log-prefix', '--no-color', service]);
  }

  /** Workers' logs are JSON lines, the others' are text. */
  async writeLogs(folder: string): Promise<void> {
    for (const container of await this.containers()) {
      const file = `${this.shortName(container.Name)}.${serviceOf(container) === 'worker' ? 'jsonl' : 'log'}`;
      await dockerLogs(container.Id, join(folder, file));
    }
  }

  /** Answers what is left nevertheless. */
  async down(): Promise<string[]> {
    const { guardian } = this;
    if (guardian === undefined) return [];
    await this.containers().catch(() => []);
    await this.compose([...DOWN], { runMsMax: DOWN_MS_MAX });
    const left = await this.leftovers();
    this.guardian = undefined;
    await guardian.release();
    return left;
  }

  private async leftovers(): Promise<string[]> {
    const label = `label=${this.label}`;
    const [containers, networks, volumes, all] = await Promise.all([
      docker('ps', '--all', '--filter', label, '--format', 'container {{.Names}}'),
      docker('network', 'ls', '--filter', label, '--format', 'network {{.Name}}'),
      docker('volume', 'ls', '--filter', label, '--format', 'volume {{.Name}}'),
      docker('volume', 'ls', '--format', '{{.Name}}'),
    ]);
    const nameless = linesOf(all).filter(
      (name) => this.volumes.has(name) && !linesOf(volumes).includes(`volume ${name}`),
    );
    return [...[containers, networks, volumes].flatMap(linesOf), ...nameless.map((name) => `volume ${name}`)];
  }

  private async ids(): Promise<string[]> {
    return linesOf(await this.compose(['ps', '--all', '--quiet']));
  }

  private arguments(args: readonly string[]): string[] {
    return ['compose', '--project-name', this.name, '--file', COMPOSE_FILE, '--progress', 'quiet', ...args];
  }

  private async compose(args: readonly string[], options: Partial<RunOnceOptions> = {}): Promise<string> {
    const { runMsMax = LOOK_MS_MAX, signal } = options;
    const { guardian, env } = this;
    const given = { ...(signal && { signal }), ...(guardian && { guardian }) };
    try {
      return await runCommand('docker', this.arguments(args), { cwd: this.options.root, env, runMsMax, ...given });
    } catch (error) {
      const words = error instanceof Error ? error.message.replace(/^docker compose failed/, '') : String(error);
      throw new StackError(`docker compose ${args[0]} failed${words}`, { cause: error });
    }
  }
}

export interface RunOnceOptions {
  readonly folder: string;
  readonly runMsMax: number;
  readonly signal: AbortSignal;
}

function docker(...args: readonly string[]): Promise<string> {
  return runCommand('docker', args, { runMsMax: LOOK_MS_MAX });
}

/** Both outputs into the file, of any length. A log that cannot be read leaves what Docker said about it. */
function dockerLogs(id: string, path: string): Promise<void> {
  return new Promise((resolve) => {
    const file = openSync(path, 'w');
    const child = spawn('docker', ['logs', id], { stdio: ['ignore', file, file], timeout: LOOK_MS_MAX });
    closeSync(file);
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}

function linesOf(output: string): string[] {
  return output.split('\n').filter((line) => line !== '');
}
