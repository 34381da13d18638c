/**
 * One run of the compose stack from nothing to a verdict and to nothing again: up, audit, load by the generator
 * service, rest, requests and targets, collection through the published ports, down, judgement. What goes wrong on the
 * way is in the findings, and the logs of all services are in the run directory before the containers are gone.
 */
import { readFile, rm } from 'node:fs/promises';
import type { Kafka } from 'kafkajs';
import { type Topics, topicsFor } from '../../src/contract/topics.ts';
import { kafkaClient, waitForCoordinator, waitForMembers } from '../cluster/kafka-client.ts';
import { installAudit } from '../collect/audit.ts';
import { collectRun } from '../collect/collect-run.ts';
import { followScript, isWhole, writeFindings, writeVerdict } from '../engine/conclude-part.ts';
import { Findings } from '../engine/findings.ts';
import { Journal } from '../engine/journal.ts';
import { COLLECT_MS_MAX, SETTLE_MS_MAX, STABLE_MS } from '../engine/limits.ts';
import { measureLatencies, percentileOf, writeLatencies } from '../engine/measure/latencies.ts';
import { waitForQuiescence } from '../engine/measure/quiescence.ts';
import { Sampler } from '../engine/measure/sampler.ts';
import { PartEvents } from '../engine/part-events.ts';
import type { PartIdentity } from '../judge/judge-part.ts';
import type { Part } from '../run/results.ts';
import { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { loadOf } from '../scenarios/docker-compose.ts';
import type { Progress } from '../stack/process/progress.ts';
import { bringUp, showStates } from './bring-up.ts';
import { checkConfinement, checkDistribution, checkEnds, checkTargets, type StackUnderTest } from './compose-checks.ts';
import type { ComposeProject } from './compose-project.ts';
import { addressesOf } from './docker-facts.ts';
import { batchIdsOf, runGenerator } from './generator-run.ts';
import { PrometheusReader } from './prometheus-reader.ts';

/** Containers share two cores with all their neighbours and come to rest later than processes. */
const RECOVERY_MS_MAX = 120_000;
const LINE_INTERVAL_MS = 2_000;

export interface ComposePart {
  readonly project: ComposeProject;
  readonly directory: RunDirectory;
  readonly identity: PartIdentity;
  readonly workers: number;
  readonly without: readonly string[];
  readonly load: ReturnType<typeof loadOf>;
  readonly signal: AbortSignal;
  readonly say: Progress;
}

/** Of the compose file's workers. */
export const CONSUMER_GROUP = 'distributed-test';

export async function runComposePart(part: ComposePart): Promise<Part> {
  const { directory, identity, signal, say } = part;
  const events = new PartEvents();
  showLines(events, say);
  const findings = new Findings();
  if (part.without.length > 0) findings.note(`left out by --without: ${part.without.join(', ')}`);
  const journal = new Journal(directory, new RunClock(), events);
  try {
    await upAndDown(part, journal, events, findings);
    events.emit('phase', 'end');
  } finally {
    journal.close();
  }
  const latencies = await measureLatencies(directory);
  await writeLatencies(directory, latencies);
  findings.number('completion P99', percentileOf(latencies.completion, 99), { unit: 'ms', better: 'lower' });
  await writeFindings(directory, findings, signal);
  return writeVerdict(directory, identity);
}

/** Whatever happens to the stack, its logs are kept and its containers go. */
async function upAndDown(part: ComposePart, journal: Journal, events: PartEvents, findings: Findings): Promise<void> {
  const { project, directory, say } = part;
  try {
    events.emit('phase', 'warm-up');
    await bringUp(part);
    await runOnStack(part, journal, events, findings);
  } finally {
    await project.writeLogs(directory.file('logs')).catch((error: Error) => say(`no logs: ${error.message}`));
    say('taking the containers down');
    const left = await project.down();
    if (left.length > 0) say(`left behind: ${left.join(', ')}`);
    noteLeftovers(findings, left);
  }
}

/** How far the service is, as a line every two seconds. */
function showLines(events: PartEvents, say: Progress): void {
  let phase = '';
  let saidAtMs = 0;
  events.on('phase', (name) => {
    phase = name;
  });
  events.on('state', ({ complete, open, announced, filled, burnt, lag, unpublished }) => {
    if (Date.now() - saidAtMs < LINE_INTERVAL_MS) return;
    saidAtMs = Date.now();
    const batches = announced + open + complete;
    say(
      `${phase}: ${complete} of ${batches} batches complete, ${filled + burnt} slots, lag ${lag}, outbox ${unpublished}`,
    );
  });
}

function noteLeftovers(findings: Findings, left: readonly string[]): void {
  findings.check({
    id: 'left-behind',
    title: 'No container, network or volume of the project is left',
    verdict: left.length === 0,
    message: left.join(', '),
  });
}

/** From healthy to collected. The script may fail; what there is then is collected all the same. */
async function runOnStack(part: ComposePart, journal: Journal, events: PartEvents, findings: Findings): Promise<void> {
  const { project, say, signal } = part;
  const workers = await project.containers('worker');
  const names = new Map(
    workers.flatMap((each) => addressesOf(each).map((address) => [address, project.shortName(each.Name)])),
  );
  const stack: StackUnderTest = {
    project,
    prometheus: new PrometheusReader(`http://127.0.0.1:${project.ports.prometheus}`),
    findings,
    workers,
    nameOf: (address) => names.get(address.replace(/:\d+$/, '')) ?? address,
    without: part.without,
    signal,
    say,
  };
  const kafka = kafkaClient([`127.0.0.1:${project.ports.kafka}`], 'harness');
  const topics = topicsFor('');
  checkConfinement(stack);
  await followScript({
    findings,
    signal,
    run: () => script(part, journal, events, stack, kafka, topics),
    settle: () => rest(project, kafka, topics, { stableMs: 0, deadlineMs: SETTLE_MS_MAX }),
  });
  // A load that was cut short has another outcome than the planned one.
  if (!isWhole(findings, signal)) await rm(part.directory.file('manifest.json'), { force: true });
  await stack.prometheus.copySeries(journal, stack.nameOf).catch((error: Error) => findings.note(error.message));
  events.emit('phase', 'check');
  say('collecting topics, tables and audit');
  await collect(part, journal, kafka, topics);
  await checkEnds(stack);
}

async function script(
  part: ComposePart,
  journal: Journal,
  events: PartEvents,
  stack: StackUnderTest,
  kafka: Kafka,
  topics: Topics,
): Promise<void> {
  const { project, directory, signal, workers, load, say } = part;
  const { findings } = stack;
  await installAudit(project.databaseUrl);
  await waitForCoordinator(kafka, CONSUMER_GROUP);
  await waitForMembers(kafka, CONSUMER_GROUP, workers, signal);
  const sampler = new Sampler({
    journal,
    kafka,
    databaseUrl: project.databaseUrl,
    consumerGroup: CONSUMER_GROUP,
    topics: inboundOf(topics),
    // Containers are no processes of ours; Prometheus knows about them.
    workers: [],
    others: () => new Map(),
    events,
  });
  await sampler.start();
  try {
    events.emit('phase', 'load');
    say(`load: seed ${load.seed}, ${load.batches} batches x ${load.slots} slots, by the generator service`);
    const sent = await runGenerator({ project, directory, clock: journal.clock, load, signal });
    say(`sent ${sent.published} inputs, ${Math.round(sent.ratePerSecond)}/s`);
    findings.number('inputs', sent.published, { unit: 'inputs' });
    findings.number('inputs sent per second', sent.ratePerSecond, { unit: '1/s' });
    findings.number('acknowledgement P99', sent.acknowledgementMs.p99, { unit: 'ms', better: 'lower' });
    events.emit('phase', 'quiescence');
    findings.noteRest(
      await rest(project, kafka, topics, { stableMs: STABLE_MS, deadlineMs: RECOVERY_MS_MAX, signal }),
      RECOVERY_MS_MAX,
    );
  } finally {
    await sampler.stop();
    const { hostBusy } = sampler;
    const busy = hostBusy.reduce((sum, share) => sum + share, 0) / hostBusy.length;
    findings.number('share of the host that was busy', busy);
  }
  const manifest: unknown = JSON.parse(await readFile(directory.file('manifest.json'), 'utf8'));
  await checkDistribution(stack, batchIdsOf(manifest));
  await checkTargets(stack);
  await showStates(project, say);
}

function rest(
  project: ComposeProject,
  kafka: Kafka,
  topics: Topics,
  wait: { stableMs: number; deadlineMs: number; signal?: AbortSignal },
) {
  return waitForQuiescence({
    kafka,
    databaseUrl: project.databaseUrl,
    consumerGroup: CONSUMER_GROUP,
    topics: inboundOf(topics),
    ...wait,
  });
}

async function collect(
  { project, directory }: ComposePart,
  journal: Journal,
  kafka: Kafka,
  topics: Topics,
): Promise<void> {
  await collectRun({
    directory,
    kafka,
    topics,
    consumerGroup: CONSUMER_GROUP,
    databaseUrl: project.databaseUrl,
    redisUrl: `redis://127.0.0.1:${project.ports.redis}`,
    freeze: () => project.stop('worker'),
    deadlineMs: COLLECT_MS_MAX,
    monoMs: () => journal.clock.monoMs(),
  });
}

function inboundOf(topics: Topics): string[] {
  return [topics.registration, topics.content, topics.failure];
}
