/**
 * One fault in the middle of a load, as an operator would tell it: how long until those it concerns say so by HTTP, until
 * they say that they are well again after it, and until all inputs and events go on. Each is a number with its limit; a
 * fault that met nothing makes the part unknown.
 */
import { TARGETS } from '../../artefacts/targets.ts';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import { PositionWatch } from '../engine/measure/position-watch.ts';
import { untilAllSay } from '../engine/measure/worker-health.ts';
import type { Stage } from '../engine/stage.ts';
import type { LoadOptions } from '../generator/load-options.ts';
import type { Injector } from '../nemesis/injector.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { HealthStatus } from '../run/watch-record.ts';
import { readResumption } from './resumption.ts';
import { gateSeconds, loadNow, stampByBroker } from './steps.ts';

const PARTITIONS = 6;
const BEFORE_MS = 4_000;
const AFTER_SECONDS = 12;
const HEALTH_MS_MAX = 30_000;

export interface FaultBesideLoad {
  readonly injector: Injector;
  readonly holdMs: number;
  /** Whom it concerns. */
  readonly workers: readonly WorkerProcess[];
  /** What they say of themselves while it lasts; null: nothing that they should notice. */
  readonly noticed: HealthStatus | null;
  /** Longest from mending until all inputs and events go on; a recovery as any, if not given. */
  readonly goesOnSecondsMax?: number;
  /** To look at things as they are, a moment before. */
  readonly beforehand?: () => Promise<void>;
}

/** Of the load, from which the fault takes the middle. */
export function secondsAround(holdMs: number): number {
  return (BEFORE_MS + holdMs) / 1_000 + AFTER_SECONDS;
}

/** The fault is made when the workers run; answers when it was, and what was settled when. */
export async function sendBesideFault(
  stage: Stage,
  load: LoadOptions,
  faultOf: () => FaultBesideLoad,
): Promise<{ readonly instants: FaultInstants; readonly positions: PositionWatch }> {
  await stampByBroker(stage, PARTITIONS);
  await stage.startWorkers();
  stage.beginLoad();
  const positions = PositionWatch.begin(stage.deps.sandbox.addresses.databaseUrl);
  try {
    const fault = faultOf();
    const [instants] = await Promise.all([breakAndMend(stage, fault), stage.send(loadNow(load))]);
    await stage.quiesce();
    const { goesOnSecondsMax = TARGETS.recoverySecondsMax } = fault;
    stage.afterwards(({ directory }) => judge(stage, { directory, positions, instants, goesOnSecondsMax }));
    return { instants, positions };
  } finally {
    await positions.end();
  }
}

export interface FaultInstants {
  readonly brokenAtMs: number;
  readonly mendedAtMs: number;
}

async function breakAndMend(stage: Stage, fault: FaultBesideLoad): Promise<FaultInstants> {
  const { injector, holdMs, workers, noticed } = fault;
  const all = { workers, limitMs: HEALTH_MS_MAX, signal: stage.signal };
  await stage.pause(BEFORE_MS);
  await fault.beforehand?.();
  const brokenAtMs = Date.now();
  await stage.whileBroken(injector, async () => {
    const noticing = noticed === null ? null : untilAllSay({ ...all, isSo: (status) => status === noticed });
    await stage.pause(holdMs);
    if (noticing === null) return;
    const what = `From the fault until whoever it concerns says that it is ${noticed}`;
    gateSeconds(stage, what, (await noticing) ?? HEALTH_MS_MAX, TARGETS.noticedSecondsMax);
  });
  const mendedAtMs = Date.now();
  const healthyMs = await untilAllSay({ ...all, isSo: (status) => status === 'healthy' });
  const what = 'From mending until whoever it concerned is healthy';
  gateSeconds(stage, what, healthyMs ?? HEALTH_MS_MAX, TARGETS.recoverySecondsMax);
  return { brokenAtMs, mendedAtMs };
}

async function judge(
  stage: Stage,
  found: {
    readonly directory: RunDirectory;
    readonly positions: PositionWatch;
    readonly instants: FaultInstants;
    readonly goesOnSecondsMax: number;
  },
): Promise<void> {
  const { directory, positions, instants, goesOnSecondsMax } = found;
  const since = { brokenAtMs: instants.brokenAtMs, fromMs: instants.mendedAtMs };
  const { consumed, published } = await readResumption(directory, stage.deps.sandbox.topics, positions, since);
  const afterMs = Math.max(consumed.afterMs, published.afterMs);
  gateSeconds(stage, 'From mending until all inputs and events go on', afterMs, goesOnSecondsMax);
  const met = Math.min(consumed.partitions, published.partitions);
  stage.findings.check({
    id: 'fault-bit',
    title: 'The fault met partitions in which something was going on',
    verdict: met > 0 ? true : 'unknown',
    judged: met,
    message: 'no partition had records before the fault and after it',
  });
}
