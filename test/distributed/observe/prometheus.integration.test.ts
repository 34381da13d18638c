/**
 * Rules in the hands of promtool, and a real Prometheus beside a real worker: whatever a panel asks about the worker or
 * the run has an answer.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allDashboards } from '../../../artefacts/grafana/all-dashboards.ts';
import { kafkaClient } from '../../../distributed/cluster/kafka-client.ts';
import { prepareProduct, productEnv, WORKER_PROGRAM } from '../../../distributed/cluster/product.ts';
import { WorkerProcess } from '../../../distributed/cluster/worker-process.ts';
import { DEFAULT_LOAD } from '../../../distributed/generator/load-options.ts';
import { planLoad } from '../../../distributed/generator/plan.ts';
import { publishLoad } from '../../../distributed/generator/producer.ts';
import { interpolated, queriesOf } from '../../../distributed/observe/dashboard-queries.ts';
import { activeAlerts } from '../../../distributed/observe/prometheus-client.ts';
import { RunMetrics } from '../../../distributed/observe/run-metrics.ts';
import { Guardian } from '../../../distributed/stack/process/guardian.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { runCommand } from '../../../distributed/stack/process/run-command.ts';
import {
  prometheusPrograms,
  type StartedPrometheus,
  startPrometheus,
} from '../../../distributed/stack/servers/prometheus.ts';
import { topicsFor } from '../../../src/contract/topics.ts';
import { metricsIn } from '../../support/prometheus-queries.ts';
import { createEmptyDatabase } from '../../support/servers/empty-database.ts';
import { kafkaBrokers, redisUrlForFile, uniqueTopicPrefix } from '../../support/servers/servers.ts';
import { waitFor } from '../../support/wait-for.ts';

jest.setTimeout(180_000);

const silent = () => {};
const root = projectRoot();
const folder = mkdtempSync(join(tmpdir(), 'els-observe-test-'));
// It removes its folder, and ends what it watches even if jest is killed.
const guardian = new Guardian(folder);

afterAll(async () => {
  await guardian.release();
  rmSync(folder, { recursive: true, force: true });
});

describe('promtool', () => {
  const promtool = async (...args: string[]): Promise<string> => {
    const signal = new AbortController().signal;
    const programs = await prometheusPrograms({ guardian, signal, onProgress: silent });
    return runCommand(programs.promtool, args, { guardian, cwd: root, runMsMax: 60_000 });
  };

  test('accepts configuration and rules', async () => {
    const said = await promtool('check', 'config', 'prometheus/prometheus.yml');
    expect(said).toMatch(/SUCCESS: 3 rule files found/);
  });

  test('sees every alert fire and stay silent as it should', async () => {
    const files = readdirSync(join(root, 'prometheus', 'rules')).filter((file) => file.endsWith('.test.yml'));
    const said = await promtool('test', 'rules', ...files.map((file) => `prometheus/rules/${file}`));
    expect(said.match(/SUCCESS/g)).toHaveLength(files.length);
  });
});

describe('a worker under load beside Prometheus', () => {
  const harness = new RunMetrics({
    lingerMs: 1_000,
    tellingsMin: 2,
    targets: () => [
      { job: 'worker', address: new URL(worker.url).host, labels: { instance: 'worker-1', scenario: 'observe' } },
    ],
  });
  const prefix = uniqueTopicPrefix();
  const topics = topicsFor(prefix);
  const kafka = kafkaClient(kafkaBrokers(), 'observe-test');
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
  let worker: WorkerProcess;
  let prometheus: StartedPrometheus;

  beforeAll(async () => {
    database = await createEmptyDatabase();
    const addresses = {
      databaseUrl: database.databaseUrl,
      kafkaBrokers: kafkaBrokers(),
      redisUrl: await redisUrlForFile(),
      topicPrefix: prefix,
      consumerGroup: `${prefix}workers`,
    };
    await prepareProduct(root, addresses, { partitions: 2, replicas: 1 });
    worker = new WorkerProcess({
      name: 'worker-1',
      root,
      program: WORKER_PROGRAM,
      env: productEnv(addresses),
      logFolder: folder,
      guardian,
    });
    await worker.start();
    await Promise.all([worker.waitReady(90_000), harness.start()]);
    prometheus = await startPrometheus({
      discoveryUrl: harness.discoveryUrl,
      dataDir: folder,
      guardian,
      onProgress: silent,
      scrapeIntervalMs: 1_000,
    });
    await waitFor(async () => (await series('up == 1')).length === 2, {
      deadlineMs: 30_000,
      what: 'every target is scraped',
    });
    harness.beginScenario('observe "test"');
    harness.beginPhase('load');
    harness.beginFault('kill', 'worker-1');
    // Some seconds, so that counters are seen to rise, those too that appear with their first event.
    const load = planLoad({ ...DEFAULT_LOAD, batches: 40, slots: 5, durationSeconds: 6, startAtMs: Date.now() });
    await publishLoad({ kafka, topics, load });
    await send('not JSON');
    harness.endFault('kill', 'worker-1');
  });

  async function send(value: string): Promise<void> {
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    await producer.send({ topic: topics.content, messages: [{ key: 'k', value }] });
    await producer.disconnect();
  }

  afterAll(async () => {
    await prometheus?.server.stop();
    await worker?.stop(20_000);
    await harness.stop();
    await database?.drop();
  });

  async function series(query: string): Promise<readonly number[]> {
    const response = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { status, error, data } = (await response.json()) as {
      status: string;
      error?: string;
      data: { result: { value: [number, string] }[] };
    };
    if (status !== 'success') throw new Error(`${query}: ${error}`);
    return data.result.map(({ value }) => Number(value[1]));
  }

  const ours = /^(els_|process_|nodejs_|up$)/;
  const queries = allDashboards()
    .flatMap(queriesOf)
    .filter(({ kind }) => kind === 'panel')
    .map(({ dashboard, title, expr }) => ({ panel: `${dashboard}: ${title}`, expr }))
    .filter(({ expr }) => metricsIn(expr).every((name) => ours.test(name)) && !expr.includes('job="gateway"'));

  test('answers every query of every panel that concerns worker and run', async () => {
    expect(queries.length).toBeGreaterThan(60);
    let empty: string[] = [];
    const allAnswer = async () => {
      empty = [];
      for (const { panel, expr } of queries) {
        const values = await series(interpolated(expr, '60s'));
        if (!values.some(Number.isFinite)) empty.push(`${panel}: ${expr}`);
      }
      return empty.length === 0;
    };
    await waitFor(allAnswer, { deadlineMs: 20_000, what: 'every query answers' }).catch(() => {});
    expect(empty).toEqual([]);
  });

  test('evaluates the recording rules, and a working service raises no alert of a broken guarantee', async () => {
    expect(await series('topic:els_consumer_lag:sum')).toHaveLength(3);
    expect(await series('els:completion_latency_seconds:p99_5m')).toHaveLength(1);
    expect(await series('ALERTS{alertstate="firing", severity="critical"}')).toEqual([]);
  });

  test('raises the alert of a record that was set aside, which has no sample before it', async () => {
    const alert = 'ALERTS{alertname="ElsDeadLetters", alertstate="firing", reason="malformed_json"}';
    const fires = async () => (await series(alert)).length > 0;
    await waitFor(fires, { deadlineMs: 10_000, what: 'the alert fires' });
  });

  test('tells phase and fault of the run', async () => {
    expect(await series('els_run_phase{phase="load", scenario="observe \\"test\\""}')).toEqual([1]);
    const faultOver = async () => (await series('els_run_fault{fault="kill", target="worker-1"}'))[0] === 0;
    await waitFor(faultOver, { deadlineMs: 10_000, what: 'the end of the fault is scraped' });
  });
});

test('a dependency that does not answer is an alert that fires at once, and the harness is told so', async () => {
  const page = [
    'els_dependency_up{dependency="redis"} 0',
    'els_dependency_up{dependency="database"} 1',
    'process_start_time_seconds 1',
  ];
  const harness: RunMetrics = new RunMetrics({
    lingerMs: 1_000,
    tellingsMin: 2,
    targets: () => [{ job: 'worker', address: harness.address, path: '/planted', labels: { instance: 'worker-1' } }],
    pageOf: async () => `${page.join('\n')}\n`,
  });
  await harness.start();
  const { discoveryUrl } = harness;
  const dataDir = mkdtempSync(join(folder, 'alerts-'));
  const prometheus = await startPrometheus({
    discoveryUrl,
    dataDir,
    guardian,
    onProgress: silent,
    scrapeIntervalMs: 500,
  });
  try {
    const fired = async () => {
      const away = (await activeAlerts(prometheus.url)).filter(({ alert }) => alert === 'ElsDependencyAway');
      return away.length > 0 && away;
    };
    const alerts = await waitFor(fired, { deadlineMs: 30_000, what: 'the alert' });
    expect(alerts).toEqual([expect.objectContaining({ about: 'redis worker-1', state: 'firing' })]);
    expect(Date.now() - (alerts[0]?.activeAtMs ?? 0)).toBeLessThan(30_000);
  } finally {
    await prometheus.server.abandon();
    await harness.stop();
  }
});
