/**
 * Refuses to start a worker in a world that would lose or double essays; all problems at once. Servers that do not
 * answer yet are waited for, up to `waitMsMax`: everything may be started at the same time.
 */
import { AppError, isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { retrying } from '../../timing/retrying.ts';

const RETRY_DELAY_MS = 1000;

/** One look at the world; problems in plain words, none when all is well. Rejects when it cannot look. */
export type StartCheck = () => Promise<readonly string[]>;

export class StartChecks implements Service {
  readonly name = 'start-checks';
  private readonly deps: {
    readonly checks: readonly StartCheck[];
    readonly waitMsMax: number;
    readonly log: Logger;
  };
  private readonly stopping = new AbortController();

  constructor(deps: StartChecks['deps']) {
    this.deps = deps;
  }

  async start(): Promise<void> {
    const deadlineMs = performance.now() + this.deps.waitMsMax;
    await retrying(() => this.check(), {
      delayMinMs: RETRY_DELAY_MS,
      delayMaxMs: RETRY_DELAY_MS,
      signal: this.stopping.signal,
      mayRetry: (error) => {
        if (!isRetryable(error) || performance.now() > deadlineMs) return false;
        this.deps.log.warn({ err: error }, 'waiting for a server to answer');
        return true;
      },
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
  }

  private async check(): Promise<void> {
    const problems = (await Promise.all(this.deps.checks.map((check) => check()))).flat();
    if (problems.length > 0) throw new AppError('START_CHECK_FAILED', problems.join('; '));
  }
}
