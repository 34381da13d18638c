/**
 * One part of a run as Prometheus sees it: what is scraped while it lasts, its phases and faults, and in the end
 * whether the dashboards had something to show. Its exporters are gone when it ends, before its database is dropped.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { OUTBOUND } from '../../src/contract/topics.ts';
import type { Sandbox } from '../cluster/product.ts';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import type { Check } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { StackContext } from '../stack/process/context.ts';
import type { ServerProcess } from '../stack/process/server-process.ts';
import { type Exported, startExporter } from '../stack/servers/exporters.ts';
import { interpolated, queriesOf } from './dashboard-queries.ts';
import { KafkaPage } from './kafka-page.ts';
import { type Answer, answerOf, isMet, judgeAnswers, type PartFacts } from './panel-answers.ts';
import { PANELS_FILE, type PanelRecord, recordedAnswer, recordStepMs } from './panel-record.ts';
import { activeAlerts, rateIntervalMs, seriesWithin } from './prometheus-client.ts';
import type { RunMetrics, ScrapeTarget } from './run-metrics.ts';

const ANSWERS_FILE = 'observed.json';
const KAFKA_PATH = '/kafka';
/** For what is measured every few seconds to be measured and scraped. */
const ANSWERS_MS_MAX = 20_000;
const LOOK_AGAIN_MS = 1_000;
/** Without that the run goes on: the check in the end says what is missing. */
const SCRAPED_MS_MAX = 15_000;
const SCRAPED_LOOK_AGAIN_MS = 250;

/** What parts share: Prometheus, the page of the run, the exporters to be had. */
export interface Surroundings extends StackContext {
  readonly url: string;
  readonly scrapeIntervalMs: number;
  readonly metrics: RunMetrics;
  readonly programs: ReadonlyMap<Exported, string>;
}

export interface Observed {
  readonly workers: readonly WorkerProcess[];
  readonly sandbox: Sandbox;
  readonly kafka: Kafka;
  /** Settings of the workers. */
  readonly env: Readonly<Record<string, string>>;
}

export class ObservedPart {
  private readonly around: Surroundings;
  private readonly scenario: string;
  private readonly beganAtMs = Date.now();
  private readonly phases: string[] = [];
  private readonly faults: string[] = [];
  private readonly exporters: { readonly kind: string; readonly server: ServerProcess }[] = [];
  private observed: Observed | null = null;
  private kafkaPage: KafkaPage | null = null;

  constructor(around: Surroundings, scenario: string) {
    this.around = around;
    this.scenario = scenario;
  }

  /** From here on workers and servers are scraped. */
  async begin(observed: Observed): Promise<void> {
    this.observed = observed;
    const { sandbox, kafka } = observed;
    const { databaseUrl, redisUrl, consumerGroup } = sandbox.addresses;
    const topics = [...sandbox.inbound, ...OUTBOUND.map((name) => sandbox.topics[name])];
    const page = new KafkaPage({ kafka, consumerGroup, topics });
    await page.start();
    this.kafkaPage = page;
    for (const [kind, program] of this.around.programs) {
      const address = kind === 'postgres' ? databaseUrl : redisUrl;
      const server = await startExporter(kind, { program, address }, this.around);
      this.exporters.push({ kind, server });
    }
  }

  /** Waits until every worker has been scraped: what a counter had counted before its first scrape is in no rate. */
  async untilScraped(): Promise<void> {
    const { url, scrapeIntervalMs, signal } = this.around;
    const sinceMs = Date.now();
    const expr = `up{job="worker",scenario="${this.scenario}"} == 1`;
    const wanted = this.observed?.workers.length ?? 0;
    while (Date.now() - sinceMs < SCRAPED_MS_MAX && !signal.aborted) {
      const span = { fromMs: sinceMs, toMs: Date.now() };
      const series = await seriesWithin(url, expr, span, scrapeIntervalMs).catch(() => []);
      if (series.length >= wanted) return;
      await sleep(SCRAPED_LOOK_AGAIN_MS);
    }
  }

  phase(name: string): void {
    this.phases.push(name);
    this.around.metrics.beginPhase(name);
  }

  fault(fault: string, target: string, phase: 'start' | 'stop'): void {
    const { metrics } = this.around;
    if (phase === 'stop') {
      metrics.endFault(fault, target);
    } else {
      this.faults.push(`${fault} ${target}`);
      metrics.beginFault(fault, target);
    }
  }

  /** Of all rules, now. */
  alerts() {
    return activeAlerts(this.around.url);
  }

  targets(): ScrapeTarget[] {
    if (this.observed === null) return [];
    const servers = this.exporters.map(({ kind, server }) => ({ job: kind, address: `127.0.0.1:${server.port}` }));
    const kafka = { job: 'kafka', address: this.around.metrics.address, path: KAFKA_PATH };
    return [
      ...workerTargets(this.observed.workers, this.scenario),
      ...servers,
      ...(this.kafkaPage === null ? [] : [kafka]),
    ];
  }

  pageOf(path: string): Promise<string> | null {
    return path === KAFKA_PATH ? (this.kafkaPage?.text() ?? null) : null;
  }

  /** Whether the dashboards had something to show. A Prometheus that does not answer is a finding, not a failed run. */
  async conclude(directory: RunDirectory, seen: { readonly hasCompletions: boolean }): Promise<Check> {
    try {
      return await this.askAll(directory, { ...this.facts(), ...seen });
    } catch (error) {
      const message = `prometheus could not be asked: ${error instanceof Error ? error.message : String(error)}`;
      return { ...judgeAnswers([]), verdict: 'unknown', problemCount: 1, problems: [{ message }] };
    }
  }

  /** Asks what the dashboards ask, until all is answered or time is up, and writes the answers down. */
  private async askAll(directory: RunDirectory, facts: PartFacts): Promise<Check> {
    const giveUpAtMs = performance.now() + ANSWERS_MS_MAX;
    let answers: Answer[] = [];
    let record: PanelRecord;
    for (;;) {
      ({ answers, record } = await this.answers(facts));
      const isDone = answers.every(isMet) || performance.now() > giveUpAtMs || this.around.signal.aborted;
      if (isDone) break;
      await sleep(LOOK_AGAIN_MS);
    }
    const check = judgeAnswers(answers);
    const { scrapeIntervalMs } = this.around;
    const kept = { scenario: this.scenario, scrapeIntervalMs, ...this.span(), ...facts, summary: check.note, answers };
    await writeFile(directory.file(ANSWERS_FILE), `${JSON.stringify(kept, null, 2)}\n`);
    await writeFile(directory.file(PANELS_FILE), JSON.stringify(record));
    return check;
  }

  /** Idempotent. */
  async end(): Promise<void> {
    this.observed = null;
    this.around.metrics.endPhase();
    const page = this.kafkaPage;
    this.kafkaPage = null;
    await Promise.all(this.exporters.splice(0).map(({ server }) => server.abandon()));
    await page?.stop().catch(() => undefined);
  }

  private facts(): Omit<PartFacts, 'hasCompletions'> {
    const exporters = [...this.exporters.map(({ kind }) => kind), ...(this.kafkaPage === null ? [] : ['kafka'])];
    const { phases, faults } = this;
    return { exporters, phases, faults, hasHints: this.observed?.env['HINTS_ENABLED'] !== 'false' };
  }

  private span() {
    return { fromMs: this.beganAtMs, toMs: Date.now() };
  }

  private async answers(facts: PartFacts): Promise<{ answers: Answer[]; record: PanelRecord }> {
    const span = this.span();
    const { url, scrapeIntervalMs } = this.around;
    const rateInterval = `${rateIntervalMs(span, scrapeIntervalMs)}ms`;
    const stepMs = recordStepMs(span, scrapeIntervalMs);
    const asked = await Promise.all(
      allDashboards()
        .flatMap(queriesOf)
        .map(async (query) => {
          const expr = interpolated(query.expr, rateInterval, this.scenario);
          const series = await seriesWithin(url, expr, span, scrapeIntervalMs);
          const answer = answerOf(query, series, facts);
          return { answer, recorded: recordedAnswer(query, series, { span, stepMs, excuse: answer.excuse }) };
        }),
    );
    const recorded = asked.map((each) => each.recorded);
    return {
      answers: asked.map(({ answer }) => answer),
      record: { scenario: this.scenario, fromMs: span.fromMs, stepMs, answers: recorded },
    };
  }
}

/** At the last address, also while they are down: a worker that is not there is a scrape that fails. */
export function workerTargets(workers: readonly WorkerProcess[], scenario: string): ScrapeTarget[] {
  return workers.flatMap(({ name, url }) => {
    const { host, port } = new URL(url);
    const isStarted = port !== '' && port !== '0';
    return isStarted ? [{ job: 'worker', address: host, labels: { instance: name, scenario } }] : [];
  });
}
