/**
 * A Prometheus beside a run, with the project's rules, that scrapes what it is told by HTTP: the one of this machine,
 * else Debian's package unpacked into the cache. It listens on loopback and keeps its data in the folder it is given.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { StackContext } from '../process/context.ts';
import { onFreePort } from '../process/free-port.ts';
import type { Guardian } from '../process/guardian.ts';
import type { Progress } from '../process/progress.ts';
import { projectRoot } from '../process/project-root.ts';
import { runCommand } from '../process/run-command.ts';
import { ServerProcess } from '../process/server-process.ts';
import { StackError } from '../process/stack-error.ts';
import { cached } from '../programs/cache.ts';
import { isDebian, systemRelease, unpackPackages } from '../programs/debian.ts';
import { programOnPath } from '../programs/find-program.ts';

const SCRAPE_INTERVAL_MS = 5_000;
const DISCOVERY_INTERVAL = '1s';
/** Blocks of a run opened long after it are not to be deleted as too old. */
const RETENTION = '10y';

export interface PrometheusOptions {
  /** Answers as Prometheus asks for it by HTTP: what to scrape, with the job of each; asked again every second. */
  readonly discoveryUrl: string;
  /** An existing folder; a folder of Prometheus is made in it. */
  readonly dataDir: string;
  readonly guardian: Guardian;
  readonly onProgress: Progress;
  readonly signal?: AbortSignal;
  /** 5 s if not given, as in production. */
  readonly scrapeIntervalMs?: number;
}

export interface StartedPrometheus {
  readonly server: ServerProcess;
  readonly url: string;
  /** Where its samples lie. */
  readonly storage: string;
  readonly description: string;
}

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
  readonly from: string;
}

export async function startPrometheus(options: PrometheusOptions): Promise<StartedPrometheus> {
  const signal = options.signal ?? new AbortController().signal;
  const { guardian, onProgress, dataDir, discoveryUrl } = options;
  const programs = await prometheusPrograms({ guardian, onProgress, signal });
  const folder = join(dataDir, 'prometheus');
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'prometheus.yml');
  const intervalMs = options.scrapeIntervalMs ?? SCRAPE_INTERVAL_MS;
  await writeFile(configFile, scrapeConfiguration(discoveryUrl, intervalMs, projectRoot()));
  const storage = join(folder, 'data');
  const start = async (port: number): Promise<StartedPrometheus> => {
    const server = prometheusServer(programs.prometheus, { folder, configFile, storage, port }, guardian);
    await server.start(signal);
    return { server, url: `http://127.0.0.1:${port}`, storage, description: await describe(programs, guardian) };
  };
  return onFreePort('prometheus', start, { onProgress, signal });
}

/** Whatever is discovered says its own job; the project's rules are read from the checkout. */
export function scrapeConfiguration(discoveryUrl: string, intervalMs: number, root: string): string {
  return stringify({
    global: {
      scrape_interval: `${intervalMs}ms`,
      scrape_timeout: `${intervalMs}ms`,
      evaluation_interval: `${intervalMs}ms`,
    },
    rule_files: [join(root, 'prometheus', 'rules', '*.rules.yml')],
    scrape_configs: [
      { job_name: 'run', http_sd_configs: [{ url: discoveryUrl, refresh_interval: DISCOVERY_INTERVAL }] },
    ],
  });
}

function prometheusServer(
  command: string,
  { folder, configFile, storage, port }: { folder: string; configFile: string; storage: string; port: number },
  guardian: Guardian,
): ServerProcess {
  return new ServerProcess(
    {
      name: 'prometheus',
      port,
      command,
      args: [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${storage}`,
        `--storage.tsdb.retention.time=${RETENTION}`,
        `--web.listen-address=127.0.0.1:${port}`,
        // For the copy of its data that a run keeps.
        '--web.enable-admin-api',
      ],
      env: process.env,
      folder,
      logFile: join(folder, 'prometheus.log'),
      user: undefined,
      readyPattern: /Server is ready to receive web requests/,
      startMsMax: 30_000,
      stopSignal: 'SIGTERM',
      stopMsMax: 10_000,
      abandonSignal: 'SIGKILL',
    },
    guardian,
  );
}

/** Prometheus and its tool, fetched if this machine has none. */
export async function prometheusPrograms(
  context: Pick<StackContext, 'guardian' | 'signal' | 'onProgress'>,
): Promise<PrometheusPrograms> {
  const [prometheus, promtool] = [programOnPath('prometheus'), programOnPath('promtool')];
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool, from: prometheus };
  if (!isDebian()) {
    const remedy = process.platform === 'darwin' ? 'brew install prometheus' : 'install prometheus with promtool';
    throw new StackError(`prometheus is missing: ${remedy}`);
  }
  const folder = await cached(`prometheus-${systemRelease()}-${process.arch}`, async (building) => {
    await unpackPackages('prometheus', building, context);
    // The programs stand alone; the pages of the package's web interface are not needed.
    const entry = join(building, 'unpacked');
    await mkdir(entry);
    await rename(join(building, 'usr', 'bin'), join(entry, 'bin'));
    // Only what runs becomes an entry.
    await describe(unpackedPrograms(entry), context.guardian);
    return entry;
  });
  return unpackedPrograms(folder);
}

function unpackedPrograms(folder: string): PrometheusPrograms {
  const program = (name: string) => join(folder, 'bin', name);
  return { prometheus: program('prometheus'), promtool: program('promtool'), from: 'Debian package in the cache' };
}

async function describe({ prometheus, from }: PrometheusPrograms, guardian: Guardian): Promise<string> {
  const output = await runCommand(prometheus, ['--version'], { guardian, runMsMax: 20_000 });
  return `Prometheus ${/version (\S+)/.exec(output)?.[1] ?? output.trim()} (${from})`;
}
