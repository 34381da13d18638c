/** What can be seen of a running compose stack beyond the fate of the inputs: containers, requests, targets. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Findings } from '../engine/findings.ts';
import type { ComposeProject } from './compose-project.ts';
import type { Container } from './docker-facts.ts';
import type { PrometheusReader } from './prometheus-reader.ts';

const UPSTREAM = /upstream="([^"]*)" status=(\d+)/;

const REQUESTS_PER_WORKER = 60;
const REQUESTS_AT_ONCE = 10;
const ANSWER_MS_MAX = 10_000;
const LOG_MS_MAX = 10_000;
const LOOK_AGAIN_MS = 250;
const TARGETS_MS_MAX = 45_000;

/** Who is asked for which job, where the service has another name. */
const SERVICE_OF_JOB: Readonly<Record<string, string>> = {
  kafka: 'kafka-exporter',
  postgres: 'postgres-exporter',
  redis: 'redis-exporter',
};

export interface StackUnderTest {
  readonly project: ComposeProject;
  readonly prometheus: PrometheusReader;
  readonly findings: Findings;
  readonly workers: readonly Container[];
  /** Container by address, to name who answered. */
  readonly nameOf: (address: string) => string;
  readonly without: readonly string[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Only root could change what it runs, and no one finds a place to write. */
export function checkConfinement({ findings, workers }: StackUnderTest): void {
  const loose = workers.filter(
    ({ Config, HostConfig }) =>
      !HostConfig.ReadonlyRootfs || ['', '0', 'root'].includes(Config.User.split(':')[0] ?? ''),
  );
  findings.check({
    id: 'confinement',
    title: 'Workers run as an unprivileged user on a read-only root file system',
    verdict: workers.length > 0 && loose.length === 0,
    judged: workers.length,
    message: `${loose.map(({ Name }) => Name).join(', ')} may write or is root`,
  });
}

/** Asks for batches through nginx and counts in its log who answered: every worker must have. */
export async function checkDistribution(stack: StackUnderTest, batchIds: readonly string[]): Promise<void> {
  const { project, findings, workers, nameOf, say } = stack;
  const wanted = REQUESTS_PER_WORKER * workers.length;
  const before = countUpstreams(await project.logOf('nginx'));
  const bad = await askForBatches(project, batchIds, wanted);
  const counts = await countsWhen(stack, before, wanted);
  const names = new Map([...counts].map(([address, count]) => [nameOf(address), count]));
  const shares = workers.map(({ Name }) => `${project.shortName(Name)} ${names.get(project.shortName(Name)) ?? 0}`);
  const text = shares.join(', ');
  say(`requests through nginx: ${text}`);
  for (const [name, count] of names) findings.number(`requests answered by ${name}`, count, { unit: 'requests' });
  const isSpread = workers.every(({ Name }) => (names.get(project.shortName(Name)) ?? 0) > 0);
  findings.check({
    id: 'distribution',
    title: 'nginx gives requests to every worker, and every one is answered',
    verdict: isSpread && bad.length === 0,
    judged: wanted,
    message: bad[0] ?? `a worker got none: ${text}`,
    note: text,
  });
}

async function askForBatches(project: ComposeProject, batchIds: readonly string[], wanted: number): Promise<string[]> {
  const bad: string[] = [];
  for (let done = 0; done < wanted; done += REQUESTS_AT_ONCE) {
    const requests = Array.from({ length: Math.min(REQUESTS_AT_ONCE, wanted - done) }, async (_, index) => {
      const batchId = batchIds[(done + index) % batchIds.length] ?? 'none';
      const url = `http://127.0.0.1:${project.ports.nginx}/v1/batches/${batchId}/status`;
      const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      await response.arrayBuffer();
      if (response.status !== 200) bad.push(`${url} is answered ${response.status}`);
    });
    await Promise.all(requests);
  }
  return bad;
}

/** A log is written a moment after the answer. */
async function countsWhen(
  { project, signal }: StackUnderTest,
  before: ReturnType<typeof countUpstreams>,
  wanted: number,
): Promise<ReadonlyMap<string, number>> {
  const giveUpAtMs = Date.now() + LOG_MS_MAX;
  for (;;) {
    const { byAddress } = countUpstreams(await project.logOf('nginx'));
    const counts = [...byAddress].map(
      ([address, count]) => [address, count - (before.byAddress.get(address) ?? 0)] as const,
    );
    const seen = counts.reduce((sum, [, count]) => sum + count, 0);
    if (seen >= wanted || Date.now() > giveUpAtMs) return new Map(counts);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

/** Every target is reached, but for those of services that were left out. */
export async function checkTargets(stack: StackUnderTest): Promise<void> {
  const { prometheus, findings, workers, without, signal, say } = stack;
  const isExpected = (job: string) => !without.includes(SERVICE_OF_JOB[job] ?? job);
  const targets = await prometheus.targetsWhen(
    (all) => {
      const expected = all.filter(({ job }) => isExpected(job));
      return (
        expected.every(({ isUp }) => isUp) && expected.filter(({ job }) => job === 'worker').length === workers.length
      );
    },
    TARGETS_MS_MAX,
    signal,
  );
  const expected = targets.filter(({ job }) => isExpected(job));
  const down = expected.filter(({ isUp }) => !isUp);
  const reached = expected.filter(({ job, isUp }) => job === 'worker' && isUp).length;
  const leftOut = targets.filter(({ job }) => !isExpected(job)).map(({ job }) => job);
  say(`Prometheus reaches ${expected.length - down.length} of ${expected.length} targets, ${reached} of them workers`);
  findings.check({
    id: 'targets',
    title: 'Prometheus reaches every worker and exporter',
    verdict: down.length === 0 && reached === workers.length,
    judged: expected.length,
    message: `${reached} of ${workers.length} workers; ${down.map((each) => `${each.job} ${each.instance}: ${each.lastError}`).join('; ')}`,
    ...(leftOut.length > 0 ? { note: `not asked for, because left out: ${leftOut.join(', ')}` } : {}),
  });
}

/** After the stop: each ended as asked and none had been started again. */
export async function checkEnds({ project, findings, workers }: StackUnderTest): Promise<void> {
  const ended = await project.containers('worker');
  const bad = ended.filter(
    ({ State, RestartCount }) =>
      State.Status !== 'exited' || State.ExitCode !== 0 || State.OOMKilled || RestartCount > 0,
  );
  const describe = ({ Name, State, RestartCount }: Container) =>
    `${Name}: ${State.Status}, exit ${State.ExitCode}${State.OOMKilled ? ', out of memory' : ''}, ${RestartCount} restarts`;
  findings.check({
    id: 'workers',
    title: 'No worker ended by itself, and each ends with exit code 0 on SIGTERM',
    verdict: ended.length === workers.length && bad.length === 0,
    judged: ended.length,
    message: bad.map(describe).join('; ') || `${ended.length} of ${workers.length} workers are there`,
  });
}

/** Who answered: requests by upstream address, from the log that nginx/default.conf writes. */
export interface UpstreamCounts {
  readonly byAddress: ReadonlyMap<string, number>;
  /** Requests that no upstream was asked for. */
  readonly unanswered: number;
}

/** Where several were asked for one request, the last one answered. */
export function countUpstreams(log: string): UpstreamCounts {
  const byAddress = new Map<string, number>();
  let unanswered = 0;
  for (const line of log.split('\n')) {
    const match = UPSTREAM.exec(line);
    if (match === null) continue;
    const address = (match[1] ?? '').split(',').at(-1)?.trim().replace(/:\d+$/, '') ?? '';
    if (address === '' || address === '-') unanswered++;
    else byAddress.set(address, (byAddress.get(address) ?? 0) + 1);
  }
  return { byAddress, unanswered };
}
