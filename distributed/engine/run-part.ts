/**
 * Runs one part from an empty sandbox to a verdict: workers, script, rest, collection, judgement, report. Whatever goes
 * wrong, in the script or while something is made, what happened until then is collected and judged as far as it can
 * be, and everything that was made is gone in the end.
 */
import { writeFile } from 'node:fs/promises';
import type { Kafka } from 'kafkajs';
import { type CpuLimits, limitCpu } from '../cluster/cpu-limit.ts';
import { GatewayTier } from '../cluster/gateway-tier.ts';
import { kafkaClient, waitForCoordinator } from '../cluster/kafka-client.ts';
import type { Sandbox } from '../cluster/product.ts';
import { WorkerCluster } from '../cluster/worker-cluster.ts';
import { collectRun } from '../collect/collect-run.ts';
import type { PartIdentity } from '../judge/judge-part.ts';
import { CRASH_POINT_FOLDER } from '../nemesis/crash-points.ts';
import { judgeInjections } from '../nemesis/nemesis.ts';
import type { Observation } from '../observe/observation.ts';
import type { ObservedPart } from '../observe/observed-part.ts';
import type { Part } from '../run/results.ts';
import { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { fakeTimeEnv } from '../stack/programs/faketime.ts';
import type { Stack } from '../stack/stack.ts';
import { followScript, isWhole, writeFindings, writeVerdict } from './conclude-part.ts';
import { LiveDisplay } from './display/live-display.ts';
import type { ScreenOutput } from './display/live-screen.ts';
import { Journal } from './journal.ts';
import { COLLECT_MS_MAX, SETTLE_MS_MAX } from './limits.ts';
import { FaultWatch } from './measure/fault-watch.ts';
import { measureLatencies, writeLatencies } from './measure/latencies.ts';
import { Sampler } from './measure/sampler.ts';
import { PartEvents } from './part-events.ts';
import type { PartPlan } from './part-plan.ts';
import { type Releases, releasing } from './releases.ts';
import { allowLargeMessages, type Sandboxes } from './sandbox.ts';
import { Stage } from './stage.ts';
import { addressesOf, clockFile, workerEnv } from './worker-settings.ts';

const PARTITIONS = 6;
const REPLICAS_MAX = 3;

/** What all parts of a run work with. */
export interface Surroundings {
  readonly stack: Stack;
  readonly sandboxes: Sandboxes;
  readonly root: string;
  /** Of the workers. */
  readonly program: string;
  readonly gatewayProgram: string;
  readonly signal: AbortSignal;
  readonly output: ScreenOutput;
  readonly useColour: boolean;
  /** Null unless asked for. */
  readonly observation: Observation | null;
}

export interface PartRun extends Surroundings {
  readonly plan: PartPlan;
  readonly identity: PartIdentity;
  readonly title: string;
  readonly directory: RunDirectory;
}

export async function runPart(run: PartRun): Promise<Part> {
  const events = new PartEvents();
  const display = new LiveDisplay(run.output, run.useColour, run.title, events);
  try {
    await releasing((releases) => perform(run, events, display, releases));
    return await display.during('judging', () => writeVerdict(run.directory, run.identity));
  } finally {
    display.close();
  }
}

/** From nothing to the collected evidence. */
async function perform(run: PartRun, events: PartEvents, display: LiveDisplay, releases: Releases): Promise<void> {
  const observed = observe(run, events);
  const stage = await setStage(run, events, observed, releases);
  const { cluster, sandbox, kafka, sampler } = stage.deps;
  const watch = watchFaults(run, stage, observed);
  releases.add(() => watch.end());
  // Its exporters are connected to the sandbox, so they go before it does.
  releases.add(() => observed?.end());
  await observed?.begin({ workers: cluster.workers, sandbox, kafka, env: run.plan.env ?? {} });
  releases.add(() => sampler.stop());
  await sampler.start();
  await followPlan(run, stage);
  await Promise.all([sampler.stop(), watch.end()]);
  await display.during('collecting evidence', async () => {
    await concludeObserving(run, stage, observed);
    await gatherEvidence(run, stage);
  });
}

/** Prometheus hears of phases and faults from the first one on. */
function observe({ observation, title }: PartRun, events: PartEvents): ObservedPart | null {
  const observed = observation?.beginPart(title) ?? null;
  events.on('phase', (name) => observed?.phase(name));
  events.on('fault', (fault, target, phase) => observed?.fault(fault, target, phase));
  return observed;
}

function watchFaults({ stack }: PartRun, { deps }: Stage, observed: ObservedPart | null): FaultWatch {
  const { journal, events, sandbox, cluster, tier } = deps;
  return new FaultWatch({
    journal,
    events,
    databaseUrl: sandbox.addresses.databaseUrl,
    workers: cluster.workers,
    gateways: tier?.gateways ?? [],
    servers: stack.servers,
    alerts: observed === null ? null : () => observed.alerts(),
  });
}

/** Makes all that the script needs; each thing is released when the part ends. */
async function setStage(
  run: PartRun,
  events: PartEvents,
  observed: ObservedPart | null,
  releases: Releases,
): Promise<Stage> {
  const { plan, directory, stack } = run;
  const journal = new Journal(directory, new RunClock(), events);
  releases.add(() => journal.close());
  const brokers = stack.kafkaBrokers.filter((_, index) => !plan.victims?.includes(index + 1));
  const kafka = kafkaClient(brokers, 'harness');
  const sandbox = await makeSandbox(run, kafka, releases);
  const limits = plan.cpuCores === undefined ? null : await limitWorkers(plan, plan.cpuCores, releases);
  const cluster = new WorkerCluster({
    workers: plan.workers,
    root: run.root,
    program: run.program,
    envOf: (index, name) => ({
      ...workerEnv(addressesOf(stack, sandbox, index), plan),
      ...(plan.endsWorkers === true && { [CRASH_POINT_FOLDER]: directory.file('logs') }),
      ...(stack.clockLibrary && fakeTimeEnv(stack.clockLibrary, clockFile(directory, name))),
    }),
    logFolder: directory.file('logs'),
    launcherOf: (index) => limits?.launcherOf(index) ?? [],
    onNote: (note) => events.emit('note', note),
  });
  releases.add(() => cluster.stop());
  const tier = await makeTier(run, sandbox, events, releases);
  events.emit('workers', cluster.workers);
  const sampler = new Sampler({
    journal,
    kafka,
    databaseUrl: sandbox.addresses.databaseUrl,
    consumerGroup: sandbox.addresses.consumerGroup,
    topics: sandbox.inbound,
    workers: cluster.workers,
    others: () =>
      new Map(
        [...stack.servers, ...(tier?.gateways ?? [])].flatMap(({ name, pid }) =>
          pid === undefined ? [] : [[name, pid]],
        ),
      ),
    events,
  });
  const untilWatched = async () => observed?.untilScraped();
  const { signal } = run;
  const stage = new Stage({
    directory,
    journal,
    events,
    stack,
    sandbox,
    kafka,
    cluster,
    tier,
    sampler,
    signal,
    limits,
    untilWatched,
  });
  releases.add(() => stage.close());
  if (limits?.unavailable) stage.findings.note(limits.unavailable);
  return stage;
}

async function makeTier(
  run: PartRun,
  sandbox: Sandbox,
  events: PartEvents,
  releases: Releases,
): Promise<GatewayTier | null> {
  const { plan, root, directory, signal, gatewayProgram: program } = run;
  const { gateways = plan.isWatchable === true ? 1 : 0 } = plan;
  if (gateways === 0) return null;
  const env = { ...workerEnv(sandbox.addresses, plan), ...plan.gatewayEnv };
  const hasBalancer = plan.isWatchable !== true;
  const tier = await GatewayTier.make({
    root,
    env,
    program,
    gateways,
    hasBalancer,
    logFolder: directory.file('logs'),
    signal,
  });
  releases.add(() => tier.stop());
  if (plan.isWatchable === true) {
    await tier.start();
    events.emit('note', `watch it in a browser: ${tier.url}`);
  }
  return tier;
}

async function makeSandbox({ plan, stack, sandboxes }: PartRun, kafka: Kafka, releases: Releases): Promise<Sandbox> {
  const nodes = stack.servers.filter(({ name }) => name.startsWith('kafka')).length;
  const sandbox = await sandboxes.create({
    partitions: plan.partitions ?? PARTITIONS,
    replicas: Math.min(REPLICAS_MAX, nodes || 1),
    audit: plan.audit ?? true,
  });
  releases.add(() => sandboxes.remove(sandbox).catch(() => undefined));
  if (plan.messageBytesMax !== undefined) await allowLargeMessages(kafka, sandbox, plan.messageBytesMax);
  await waitForCoordinator(kafka, sandbox.addresses.consumerGroup);
  return sandbox;
}

async function limitWorkers(plan: PartPlan, cores: number, releases: Releases): Promise<CpuLimits> {
  const limits = await limitCpu({ cores, workers: plan.workers, name: plan.name });
  releases.add(() => limits.close());
  return limits;
}

async function followPlan({ plan, signal }: PartRun, stage: Stage): Promise<void> {
  const { findings } = stage;
  await followScript({ findings, signal, run: () => plan.run(stage), settle: () => stage.settle(SETTLE_MS_MAX) });
  const { crashes } = stage.deps.cluster;
  findings.check({
    id: 'workers',
    title: 'No worker ended by itself',
    verdict: crashes.length === 0 || plan.exitsAllowed === true,
    judged: plan.workers,
    message: crashes.join(', '),
    ...(crashes.length > 0 ? { note: crashes.join(', ') } : {}),
  });
  const { tier } = stage.deps;
  if (tier !== null && plan.isWatchable !== true) findings.check(gatewaysStayed(tier));
  if (stage.injected.length > 0) findings.checks.push(judgeInjections(stage.injected));
}

function gatewaysStayed({ crashes, gateways }: GatewayTier) {
  const title = 'No gateway ended by itself';
  return { id: 'gateways', title, verdict: crashes.length === 0, judged: gateways.length, message: crashes.join(', ') };
}

/** While the workers can still be scraped. What an interrupt cut short is not held to have shown everything. */
async function concludeObserving({ directory, signal }: PartRun, stage: Stage, observed: ObservedPart | null) {
  const hasCompletions = (stage.deps.sampler.lastState?.complete ?? 0) > 0;
  const check = await observed?.conclude(directory, { hasCompletions });
  if (check !== undefined && !signal.aborted) stage.findings.checks.push(check);
}

/** Sessions are looked at while the workers still have them; then the workers stop, and all else is read. */
async function gatherEvidence({ directory, signal, stack }: PartRun, stage: Stage): Promise<void> {
  const { journal, events, kafka, sandbox, cluster } = stage.deps;
  events.emit('phase', 'check');
  const { databaseUrl, consumerGroup, redisUrl } = sandbox.addresses;
  await collectRun({
    directory,
    kafka,
    topics: sandbox.topics,
    consumerGroup,
    databaseUrl,
    // A foreign Redis may hold hints of others.
    ...(stack.description.redis === 'external' ? {} : { redisUrl }),
    freeze: () => cluster.stop(),
    deadlineMs: COLLECT_MS_MAX,
    monoMs: () => journal.clock.monoMs(),
  });
  events.emit('phase', 'end');
  journal.close();
  const manifest = stage.ledger.manifest();
  const whole = isWhole(stage.findings, signal);
  // A load that was cut short has another outcome than the planned one.
  if (manifest !== null && whole) await writeFile(directory.file('manifest.json'), JSON.stringify(manifest));
  const latencies = await measureLatencies(directory);
  await writeLatencies(directory, latencies);
  if (whole) {
    for (const thought of stage.afterthoughts) await thought({ directory, latencies });
  }
  await writeFindings(directory, stage.findings, signal);
}
