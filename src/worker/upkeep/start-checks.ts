import { setTimeout as delay } from 'node:timers/promises';
import { AppError, describeError, isRetryable } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** One look at the world; problems in plain words, none when all is well. Rejects when it cannot look. */
export type StartCheck = () => Promise<readonly string[]>;

const RETRY_DELAY_MS = 1000;

/**
 * Refuses to start a worker in a world that would lose or double essays; all problems at once. Servers that do not
 * answer yet are waited for, up to `waitMsMax`: everything may be started at the same time.
 */
export class StartChecks implements Service {
  readonly name = 'start-checks';
  private readonly deps: {
    readonly checks: readonly StartCheck[];
    readonly waitMsMax: number;
    readonly log: Logger;
  };
  private isStopped = false;

  constructor(deps: StartChecks['deps']) {
    this.deps = deps;
  }

  async start(): Promise<void> {
    const deadlineMs = performance.now() + this.deps.waitMsMax;
    for (;;) {
      try {
        const problems = (await Promise.all(this.deps.checks.map((check) => check()))).flat();
        if (problems.length > 0) throw new AppError('START_CHECK_FAILED', problems.join('; '));
        return;
      } catch (error) {
        if (!isRetryable(error) || this.isStopped || performance.now() > deadlineMs) throw error;
        this.deps.log.warn({ reason: describeError(error) }, 'waiting for a server to answer');
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}
