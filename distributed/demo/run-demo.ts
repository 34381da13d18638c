import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { type Topics, topicsFor } from '../../src/contract/topics.ts';
import { kafkaClient, waitForCoordinator } from '../cluster/kafka-client.ts';
import { type ProductAddresses, prepareProduct, productEnv, WORKER_PROGRAM } from '../cluster/product.ts';
import { WorkerCluster } from '../cluster/worker-cluster.ts';
import { describeLoad } from '../generator/describe-load.ts';
import { type Load, planLoad } from '../generator/plan.ts';
import { type PublishResult, publishLoad } from '../generator/producer.ts';
import { type CheckResult, checkOutcome } from '../outcome/check-outcome.ts';
import { OutputCollector, outputTopics } from '../outcome/outputs.ts';
import { type Quiescence, waitForQuiescence } from '../outcome/quiescence.ts';
import { readTopics } from '../outcome/read-topics.ts';
import { readTables } from '../outcome/tables.ts';
import { projectRoot } from '../stack/project-root.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import type { DemoOptions } from './demo-options.ts';
import { type DemoReport, measureCompletions, runChecks } from './demo-report.ts';
import { type FaultRecord, runFaults } from './fault-script.ts';
import type { LiveScreen } from './live-screen.ts';
import { LiveStateReader } from './live-state.ts';
import { LiveWatch } from './live-watch.ts';
import { RunFolder } from './run-folder.ts';

/**
 * One demo from nothing to a verdict: starts servers and workers, sends a load, waits until nothing is under way,
 * reads the truth from tables and topics, judges it, and stops everything it started, however it ends.
 */
const PARTITIONS = 15;
const SESSION_MS = 10_000;
const STABLE_MS = 2_000;
const QUIESCENCE_MS_MAX = 90_000;
const READ_MS_MAX = 60_000;
const GROUP_POLL_INTERVAL_MS = 25;
const GROUP_STABLE_MS_MAX = 60_000;

export async function runDemo(options: DemoOptions, screen: LiveScreen, signal: AbortSignal): Promise<DemoReport> {
  const { stack: source, kafkaNodes } = options;
  const starting = startStack({ source, kafkaNodes, onProgress: (line) => screen.say(`stack: ${line}`) });
  // Interrupted while it starts, we end at once: the guardian of the stack cleans up behind us.
  const stack = await Promise.race([starting, rejectWhenAborted(signal)]);
  try {
    return await new DemoRun(options, screen, signal, stack).run();
  } finally {
    screen.close();
    screen.say('stopping');
    await stack.stop();
  }
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
}

class DemoRun {
  private readonly options: DemoOptions;
  private readonly screen: LiveScreen;
  private readonly signal: AbortSignal;
  private readonly stack: Stack;
  private readonly root = projectRoot();
  private readonly load: Load;
  private readonly addresses: ProductAddresses;
  private readonly topics: Topics;
  private readonly kafka: Kafka;

  constructor(options: DemoOptions, screen: LiveScreen, signal: AbortSignal, stack: Stack) {
    this.options = options;
    this.screen = screen;
    this.signal = signal;
    this.stack = stack;
    this.load = planLoad(options.load);
    // On a Kafka that is not ours the run keeps apart from whatever else is there.
    const topicPrefix = stack.description.kafka === 'external' ? `demo-${Date.now()}.` : '';
    const { databaseUrl, kafkaBrokers, redisUrl } = stack;
    this.addresses = { databaseUrl, kafkaBrokers, redisUrl, topicPrefix, consumerGroup: `${topicPrefix}demo-workers` };
    this.topics = topicsFor(topicPrefix);
    this.kafka = kafkaClient(kafkaBrokers, 'demo');
  }

  async run(): Promise<DemoReport> {
    const { options, screen, load } = this;
    const folder = await RunFolder.create(this.root, 'demo', load.options.seed);
    screen.say(describeLoad(load));
    screen.say('applying migrations, creating topics');
    await prepareProduct(this.root, this.addresses, { partitions: PARTITIONS, replicas: options.kafkaNodes });
    await waitForCoordinator(this.kafka, this.addresses.consumerGroup);
    const cluster = new WorkerCluster({
      workers: options.workers,
      root: this.root,
      program: WORKER_PROGRAM,
      env: { ...productEnv(this.addresses), LOG_LEVEL: 'info', KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS) },
      logFolder: folder.logs,
      onNote: (note) => screen.say(note),
    });
    const { databaseUrl, consumerGroup } = this.addresses;
    const reader = new LiveStateReader({
      databaseUrl,
      kafka: this.kafka,
      consumerGroup,
      topics: this.inboundTopics(),
      workers: cluster.workers,
    });
    const watch = new LiveWatch({ reader, screen, load, workers: cluster.workers });
    try {
      await reader.connect();
      const report = await this.sendAndJudge(cluster, reader, watch);
      await folder.writeJson('manifest.json', load.manifest);
      await folder.writeJson('result.json', { ...report, completableAtMs: undefined });
      return { ...report, folder: folder.path };
    } finally {
      await watch.stop();
      await reader.close();
      await cluster.stop();
    }
  }

  private async sendAndJudge(cluster: WorkerCluster, reader: LiveStateReader, watch: LiveWatch): Promise<DemoReport> {
    const { options, screen, load } = this;
    let drainFromMs: number | null = null;
    let published: PublishResult;
    let faults: FaultRecord[];
    if (options.backlog) {
      watch.start('publishing the backlog');
      published = await this.publish(watch);
      watch.phase = 'draining the backlog';
      await cluster.start();
      drainFromMs = await this.untilGroupStable(reader);
      faults = await this.runFaults(cluster, watch);
    } else {
      screen.say(`starting ${options.workers} workers`);
      await cluster.start();
      await cluster.waitReady(this.signal);
      watch.start('load');
      [published, faults] = await Promise.all([this.publish(watch), this.runFaults(cluster, watch)]);
    }
    this.signal.throwIfAborted();
    watch.phase = 'waiting until nothing is under way';
    const quiescence = await this.untilQuiet();
    this.signal.throwIfAborted();
    const lastPublishedAtMs = await reader.lastPublishedAtMs();
    await watch.stop();
    screen.say('reading tables and topics');
    const checks = await this.judge(cluster, quiescence, faults);
    const drainMs = drainFromMs === null || lastPublishedAtMs === null ? null : lastPublishedAtMs - drainFromMs;
    return {
      load: load.options,
      workers: options.workers,
      servers: this.stack.description,
      totals: load.manifest.totals,
      checks: checks.results,
      published: published.published,
      publishMs: published.elapsedMs,
      drainMs,
      quietAfterMs: quiescence.quietSinceMs - (published.startedAtMs + published.elapsedMs),
      completions: options.backlog ? null : measureCompletions(checks.outputs.completed, published.completableAtMs),
      outcome: checks.counts,
      shares: Object.fromEntries(watch.lastState?.shares ?? []),
      faults,
      crashes: cluster.crashes,
      folder: '',
    };
  }

  private publish(watch: LiveWatch): Promise<PublishResult> {
    const { kafka, topics, load, signal } = this;
    return publishLoad({ kafka, topics, load, signal, onProgress: (progress) => watch.notePublished(progress) });
  }

  private runFaults(cluster: WorkerCluster, watch: LiveWatch): Promise<FaultRecord[]> {
    const { killOne, pauseOne } = this.options;
    return runFaults({
      workers: cluster.workers,
      killOne,
      pauseOne,
      sessionMs: SESSION_MS,
      progress: () => watch.progress,
      onNote: (note) => this.screen.say(note),
      signal: this.signal,
    });
  }

  /** Returns when the first members hold partitions, which is just before their first fetch. */
  private async untilGroupStable(reader: LiveStateReader): Promise<number> {
    const giveUpAtMs = Date.now() + GROUP_STABLE_MS_MAX;
    while (!(await reader.isGroupStable())) {
      this.signal.throwIfAborted();
      if (Date.now() > giveUpAtMs) {
        throw new Error(`no worker joined its consumer group within ${GROUP_STABLE_MS_MAX} ms`);
      }
      await sleep(GROUP_POLL_INTERVAL_MS);
    }
    return Date.now();
  }

  private untilQuiet(): Promise<Quiescence> {
    const { databaseUrl, consumerGroup } = this.addresses;
    return waitForQuiescence({
      kafka: this.kafka,
      databaseUrl,
      consumerGroup,
      topics: this.inboundTopics(),
      stableMs: STABLE_MS,
      deadlineMs: QUIESCENCE_MS_MAX,
      signal: this.signal,
    });
  }

  private async judge(cluster: WorkerCluster, quiescence: Quiescence, faults: readonly FaultRecord[]) {
    const tables = await readTables(this.addresses.databaseUrl);
    const outputs = new OutputCollector(this.topics);
    await readTopics({
      kafka: this.kafka,
      topics: outputTopics(this.topics),
      onRecord: (record) => outputs.add(record),
      deadlineMs: READ_MS_MAX,
    });
    const conditions = {
      faultsHappened: faults.length > 0,
      foreignBatchesAllowed: this.stack.description.postgres === 'external',
    };
    const results: CheckResult[] = [
      ...runChecks({ quiescence, faults, crashes: cluster.crashes, workers: cluster.workers.length }),
      ...checkOutcome(this.load.manifest, tables, outputs, conditions),
    ];
    const counts = {
      filled: tables.slots.filter((slot) => slot.status === 'filled').length,
      burnt: tables.slots.filter((slot) => slot.status === 'failed').length,
      excess: tables.excessContents.length,
      events: outputs.slotAssigned.length + outputs.excess.length + outputs.completed.length,
      deadLetters: outputs.deadLetters.length,
    };
    return { results, outputs, counts };
  }

  private inboundTopics(): string[] {
    return [this.topics.registration, this.topics.content, this.topics.failure];
  }
}
