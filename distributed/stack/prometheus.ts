/**
 * A Prometheus beside a run, with the project's rules and a scrape configuration made for the given targets: the one of
 * this machine, else Debian's package unpacked into the cache. It listens on loopback and keeps its data in the
 * folder it is given.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { cached } from './cache.ts';
import type { StackContext } from './context.ts';
import { isDebian, systemRelease, unpackPackages } from './debian.ts';
import { programOnPath } from './find-program.ts';
import { freePorts } from './free-port.ts';
import type { Guardian } from './guardian.ts';
import type { Progress } from './progress.ts';
import { projectRoot } from './project-root.ts';
import { runCommand } from './run-command.ts';
import { ServerProcess } from './server-process.ts';
import { PortTakenError, StackError } from './stack-error.ts';

export interface ScrapeTarget {
  /** `worker`, `harness`, ...: what dashboards and rules select by. */
  readonly job: string;
  /** host:port; the path is /metrics. */
  readonly address: string;
  /** `instance` among them replaces the address. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrometheusOptions {
  readonly targets: readonly ScrapeTarget[];
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
  readonly description: string;
}

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
  readonly from: string;
}

const SCRAPE_INTERVAL_MS = 5_000;
const PORT_ATTEMPTS_MAX = 5;

export async function startPrometheus(options: PrometheusOptions): Promise<StartedPrometheus> {
  const signal = options.signal ?? new AbortController().signal;
  const { guardian, onProgress } = options;
  const programs = await prometheusPrograms({ guardian, onProgress, signal });
  const folder = join(options.dataDir, 'prometheus');
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'prometheus.yml');
  const intervalMs = options.scrapeIntervalMs ?? SCRAPE_INTERVAL_MS;
  await writeFile(configFile, scrapeConfiguration(options.targets, intervalMs, projectRoot()));
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freePorts(1);
    const server = prometheusServer(programs.prometheus, { folder, configFile, port }, guardian);
    try {
      await server.start(signal);
      return { server, url: `http://127.0.0.1:${port}`, description: await describe(programs, guardian) };
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === PORT_ATTEMPTS_MAX || signal.aborted) throw error;
      onProgress('a port of prometheus was taken meanwhile, starting again with another');
    }
  }
}

/** One job per name among the targets; the project's rules are read from the checkout. */
export function scrapeConfiguration(targets: readonly ScrapeTarget[], intervalMs: number, root: string): string {
  const jobs = [...new Set(targets.map((target) => target.job))];
  return stringify({
    global: {
      scrape_interval: `${intervalMs}ms`,
      scrape_timeout: `${intervalMs}ms`,
      evaluation_interval: `${intervalMs}ms`,
    },
    rule_files: [join(root, 'prometheus', 'rules', '*.rules.yml')],
    scrape_configs: jobs.map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ address, labels }) => ({ targets: [address], labels: labels ?? {} })),
    })),
  });
}

function prometheusServer(
  command: string,
  { folder, configFile, port }: { folder: string; configFile: string; port: number },
  guardian: Guardian,
): ServerProcess {
  return new ServerProcess(
    {
      name: 'prometheus',
      port,
      command,
      args: [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
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
