/**
 * Carries out a schedule: each fault at its time, held, and mended, whatever happens in between. Resolves when all is
 * whole again. A fault whose time has come too late begins at once; faults never overlap.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Check } from '../run/results.ts';
import type { Evidence, Injector } from './injector.ts';
import type { ScheduledFault } from './schedule.ts';

export interface NemesisOptions {
  readonly faults: readonly ScheduledFault[];
  readonly injectorOf: (fault: ScheduledFault) => Injector;
  readonly onFault: (fault: string, target: string, phase: 'start' | 'stop', evidence: unknown) => void;
  readonly signal: AbortSignal;
}

export interface Injected {
  readonly fault: string;
  readonly target: string;
  readonly started: Evidence | null;
  readonly stopped: Evidence | null;
}

export async function runNemesis(options: NemesisOptions): Promise<Injected[]> {
  const startedAtMs = performance.now();
  const injected: Injected[] = [];
  for (const fault of options.faults) {
    const waitMs = fault.atMs - (performance.now() - startedAtMs);
    await pause(waitMs, options.signal);
    if (options.signal.aborted) break;
    injected.push(await inject(options, fault));
  }
  return injected;
}

function inject({ injectorOf, onFault, signal }: NemesisOptions, scheduled: ScheduledFault): Promise<Injected> {
  return whileBroken(injectorOf(scheduled), onFault, () => pause(scheduled.holdMs, signal));
}

/** Breaks, lets the work be done, and mends, also when the work fails. */
export async function whileBroken(
  injector: Injector,
  onFault: NemesisOptions['onFault'],
  work: () => Promise<void>,
): Promise<Injected> {
  const { fault, target } = injector;
  // Noted before and after: whatever the fault does in between lies within what the record says.
  let started: Evidence | null = null;
  let stopped: Evidence | null = null;
  onFault(fault, target, 'start', { announced: true });
  try {
    started = await injector.start();
    await work();
  } finally {
    stopped = await injector.stop();
    onFault(fault, target, 'stop', { started, stopped });
  }
  return { fault, target, started, stopped };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Every fault with evidence, or unknown: what did not happen was not survived. */
export function judgeInjections(injected: readonly Injected[]): Check {
  const unseen = injected.filter(({ started, stopped }) => started === null || stopped === null);
  const problems = unseen.slice(0, 20).map(({ fault, target, started }) => ({
    message: `${fault} ${target}: no evidence that it ${started === null ? 'happened' : 'was mended'}`,
  }));
  return {
    id: 'nemesis',
    title: 'Every fault really happened and was mended',
    verdict: unseen.length === 0 ? true : 'unknown',
    judged: injected.length,
    problemCount: unseen.length,
    problems,
  };
}
