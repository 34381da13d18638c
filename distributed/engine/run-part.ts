/**
 * Runs one part from an empty sandbox to a verdict: workers, script, rest, collection, judgement, report. Whatever goes
 * wrong in the script, what happened until then is collected and judged, and the workers are gone in the end.
 */
import { writeFile } from 'node:fs/promises';
import { limitCpu } from '../cluster/cpu-limit.ts';
import { kafkaClient, waitForCoordinator } from '../cluster/kafka-client.ts';
import { productEnv, type Sandbox } from '../cluster/product.ts';
import { WorkerCluster } from '../cluster/worker-cluster.ts';
import { collectRun } from '../collect/collect-run.ts';
import { judgePart, type PartIdentity } from '../judge/judge-part.ts';
import { judgeInjections } from '../nemesis/nemesis.ts';
import type { Observation } from '../observe/observation.ts';
import type { ObservedPart } from '../observe/observed-part.ts';
import { writeJunit } from '../report/junit.ts';
import { writeReport } from '../report/report-page.ts';
import { SCHEMA_VERSION } from '../run/environment.ts';
import { writeMeasured } from '../run/measured.ts';
import type { Part } from '../run/results.ts';
import { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { exitCodeOf } from '../run/verdict.ts';
import type { Stack } from '../stack/stack.ts';
import { LiveDisplay } from './display/live-display.ts';
import type { ScreenOutput } from './display/live-screen.ts';
import { Journal } from './journal.ts';
import { measureLatencies, writeLatencies } from './measure/latencies.ts';
import { Sampler } from './measure/sampler.ts';
import type { PartPlan } from './part-plan.ts';
import type { Sandboxes } from './sandbox.ts';
import { Stage } from './stage.ts';
import { allowLargeMessages } from './topic-limits.ts';

export interface PartRun {
  readonly plan: PartPlan;
  readonly identity: PartIdentity;
  readonly title: string;
  readonly directory: RunDirectory;
  readonly stack: Stack;
  readonly sandboxes: Sandboxes;
  readonly root: string;
  readonly program: string;
  readonly signal: AbortSignal;
  readonly output: ScreenOutput;
  readonly useColour: boolean;
  /** Null unless asked for. */
  readonly observation: Observation | null;
}

const PARTITIONS = 6;
const SESSION_MS = 10_000;
const COLLECT_MS_MAX = 120_000;
/** After an interrupt, for what is under way to settle. */
const SETTLE_MS_MAX = 15_000;

export async function runPart(run: PartRun): Promise<Part> {
  const { plan, directory, stack } = run;
  const clock = new RunClock();
  const observed = run.observation?.beginPart(run.title) ?? null;
  const journal = new Journal(directory, clock, observed);
  const replicas = Math.min(3, stack.servers.filter(({ name }) => name.startsWith('kafka')).length || 1);
  const sandbox = await run.sandboxes.create({
    partitions: plan.partitions ?? PARTITIONS,
    replicas,
    audit: plan.audit ?? true,
  });
  const kafka = kafkaClient(stack.kafkaBrokers, 'harness');
  if (plan.messageBytesMax !== undefined) await allowLargeMessages(kafka, sandbox, plan.messageBytesMax);
  await waitForCoordinator(kafka, sandbox.addresses.consumerGroup);
  const limits = await limitsOf(run);
  const notes: { display: LiveDisplay | null } = { display: null };
  const cluster = new WorkerCluster({
    workers: plan.workers,
    root: run.root,
    program: run.program,
    env: workerEnv(sandbox, plan),
    logFolder: directory.file('logs'),
    launcherOf: (index) => limits?.launcherOf(index) ?? [],
    onNote: (note) => notes.display?.say(note),
  });
  const display = new LiveDisplay(run.output, run.useColour, {
    title: run.title,
    workers: cluster.workers,
    phase: () => journal.phaseName ?? 'preparing',
    totals: () => stage.ledger.totals(),
  });
  notes.display = display;
  const sampler = new Sampler({
    journal,
    kafka,
    databaseUrl: sandbox.addresses.databaseUrl,
    consumerGroup: sandbox.addresses.consumerGroup,
    topics: sandbox.inbound,
    workers: cluster.workers,
    others: () => new Map(stack.servers.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]]))),
    onState: (state) => display.noteState(state),
  });
  const stage: Stage = new Stage({
    directory,
    journal,
    stack,
    sandbox,
    kafka,
    cluster,
    sampler,
    signal: run.signal,
    limits,
    untilWatched: async () => observed?.untilScraped(),
    onProgress: (progress) => display.notePublished(progress),
    onNote: (note) => display.say(note),
  });
  if (limits?.unavailable) stage.findings.note(limits.unavailable);
  try {
    await observed?.begin({ workers: cluster.workers, sandbox, kafka, env: plan.env ?? {} });
    await sampler.start();
    await followScript(run, stage);
    await sampler.stop();
    await display.during('collecting evidence', async () => {
      await concludeObserving(run, stage, observed);
      await gatherEvidence(run, stage);
    });
  } finally {
    await cluster.stop();
    await observed?.end();
    await stage.close();
    await limits?.close();
  }
  await run.sandboxes.remove(sandbox, kafka).catch(() => undefined);
  const part = await display.during('judging', () => writeVerdict(run));
  display.close();
  return part;
}

async function limitsOf({ plan }: PartRun) {
  if (plan.cpuCores === undefined) return null;
  return limitCpu({ cores: plan.cpuCores, workers: plan.workers, name: plan.name });
}

function workerEnv(sandbox: Sandbox, plan: PartPlan): Record<string, string> {
  return {
    ...productEnv(sandbox.addresses),
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'info',
    KAFKA_SESSION_TIMEOUT_MS: String(SESSION_MS),
    ...plan.env,
  };
}

async function followScript({ plan, signal }: PartRun, stage: Stage): Promise<void> {
  const { findings } = stage;
  try {
    await plan.run(stage);
  } catch (error) {
    if (!signal.aborted) {
      const message = error instanceof Error ? error.message : String(error);
      findings.check({ id: 'harness', title: 'The part ran to its end', verdict: 'unknown', message, note: message });
    }
    await stage.settle(SETTLE_MS_MAX).catch(() => undefined);
  }
  const { crashes } = stage.deps.cluster;
  findings.check({
    id: 'workers',
    title: 'No worker ended by itself',
    verdict: crashes.length === 0 || plan.exitsAllowed === true,
    judged: plan.workers,
    message: crashes.join(', '),
    ...(crashes.length > 0 ? { note: crashes.join(', ') } : {}),
  });
  if (stage.injected.length > 0) findings.checks.push(judgeInjections(stage.injected));
}

/** While the workers can still be scraped. What an interrupt cut short is not held to have shown everything. */
async function concludeObserving({ directory, signal }: PartRun, stage: Stage, observed: ObservedPart | null) {
  const hasCompletions = (stage.deps.sampler.lastState?.complete ?? 0) > 0;
  const check = await observed?.conclude(directory, { hasCompletions });
  if (check !== undefined && !signal.aborted) stage.findings.checks.push(check);
}

/** Sessions are looked at while the workers still have them; then the workers stop, and all else is read. */
async function gatherEvidence({ directory, signal, stack }: PartRun, stage: Stage): Promise<void> {
  const { journal, kafka, sandbox, cluster } = stage.deps;
  journal.phase('check');
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
  journal.phase('end');
  journal.close();
  const manifest = stage.ledger.manifest();
  const isWhole = !signal.aborted && !stage.findings.checks.some(({ id }) => id === 'harness');
  // A load that was cut short has another outcome than the planned one.
  if (manifest !== null && isWhole) await writeFile(directory.file('manifest.json'), JSON.stringify(manifest));
  const latencies = await measureLatencies(directory);
  await writeLatencies(directory, latencies);
  if (isWhole) {
    for (const thought of stage.afterthoughts) await thought({ directory, latencies });
  }
  const { checks, gates, numbers, notes } = stage.findings;
  await writeMeasured(directory, {
    checks,
    gates,
    numbers,
    ...(notes.length > 0 ? { note: notes.join('; ') } : {}),
    ...(signal.aborted ? { interrupted: true } : {}),
  });
}

/** Judges the directory and writes what people read about it. Also for a directory from another day. */
export async function writeVerdict({ directory, identity }: Pick<PartRun, 'directory' | 'identity'>): Promise<Part> {
  const part = await judgePart(directory, identity);
  const { environment } = directory;
  const { name: _name, directory: _directory, note: _note, ...judged } = part;
  const results = {
    schemaVersion: SCHEMA_VERSION,
    runId: environment.runId,
    scenario: environment.scenario,
    seed: environment.seed,
    startedAt: environment.startedAt,
    ...judged,
  } as const;
  await directory.writeResults({ ...results, exitCode: exitCodeOf(results) });
  await writeJunit(directory);
  await writeReport(directory);
  return part;
}
