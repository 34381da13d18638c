/**
 * Refuses to start a worker in a world that would lose or double essays; all problems at once. Servers that do not
 * answer yet are waited for, up to `waitMsMax`: everything may be started at the same time. What is only unwise is
 * logged once. A stop ends it at once, whatever a server that was asked does.
 */
import { AppError, isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { retrying } from '../../timing/retrying.ts';

const RETRY_DELAY_MS = 1000;
/** Servers that accept and fall silent are waited for like those that refuse. */
const LOOK_MS_MAX = 20_000;
/** For the other checks once one has found a problem: all are told at once, but a refusal waits for nobody's silence. */
const OTHERS_MS_MAX = 3_000;

/**
 * One look at the world; problems in plain words, none when all is well. Rejects when it cannot look. `warn` is for
 * what does not stand in the way of a start.
 */
export type StartCheck = (warn: (text: string) => void, signal: AbortSignal) => Promise<readonly string[]>;

export class StartChecks implements Service {
  readonly name = 'start-checks';
  private readonly deps: {
    readonly checks: readonly StartCheck[];
    readonly waitMsMax: number;
    readonly log: Logger;
  };
  private readonly stopping = new AbortController();
  private readonly warned = new Set<string>();

  constructor(deps: StartChecks['deps']) {
    this.deps = deps;
  }

  async start(): Promise<void> {
    const deadlineMs = performance.now() + this.deps.waitMsMax;
    await retrying(() => this.look(), {
      delayMinMs: RETRY_DELAY_MS,
      delayMaxMs: RETRY_DELAY_MS,
      signal: this.stopping.signal,
      mayRetry: (error) => {
        if (this.stopping.signal.aborted) return false;
        if (!isRetryable(error) || performance.now() > deadlineMs) return false;
        this.deps.log.warn({ err: error }, 'waiting for a server to answer');
        return true;
      },
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
  }

  private async look(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, over.signal]);
    const timers = [setTimeout(() => over.abort(), LOOK_MS_MAX)];
    const problems: string[] = [];
    const note = (found: readonly string[]) => {
      problems.push(...found);
      if (found.length > 0) timers.push(setTimeout(() => over.abort(), OTHERS_MS_MAX));
    };
    const checks = this.deps.checks.map(async (check) => {
      try {
        note(await check((text) => this.warn(text), signal));
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'START_CHECK_FAILED')) throw error;
        note([error.message]);
      }
    });
    try {
      const failure = await Promise.race([firstFailure(checks), aborted(signal)]);
      if (problems.length > 0) throw new AppError('START_CHECK_FAILED', problems.join('; '));
      if (failure !== undefined) throw failure;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      over.abort();
    }
  }

  private warn(text: string): void {
    if (this.warned.has(text)) return;
    this.warned.add(text);
    this.deps.log.warn({ check: text }, 'start check');
  }
}

/** Waits for all; of several failures one that no waiting mends. */
async function firstFailure(checks: readonly Promise<void>[]): Promise<unknown> {
  const failures = (await Promise.allSettled(checks)).flatMap((check) =>
    check.status === 'rejected' ? [check.reason as unknown] : [],
  );
  return failures.find((failure) => !isRetryable(failure)) ?? failures[0];
}

function aborted(signal: AbortSignal): Promise<unknown> {
  const failure = new AppError('UNAVAILABLE', 'a server that was asked does not answer');
  return new Promise((resolve) => {
    if (signal.aborted) resolve(failure);
    else signal.addEventListener('abort', () => resolve(failure), { once: true });
  });
}
