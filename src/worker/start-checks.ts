import { AppError } from '../errors.ts';
import type { Service } from '../lifecycle.ts';

/** One look at the world; problems in plain words, none when all is well. Rejects when it cannot look. */
export type StartCheck = () => Promise<readonly string[]>;

/** Refuses to start a worker in a world that would lose or double essays; all problems at once. */
export class StartChecks implements Service {
  readonly name = 'start-checks';
  private readonly checks: readonly StartCheck[];

  constructor(checks: readonly StartCheck[]) {
    this.checks = checks;
  }

  async start(): Promise<void> {
    const problems = (await Promise.all(this.checks.map((check) => check()))).flat();
    if (problems.length > 0) throw new AppError('START_CHECK_FAILED', problems.join('; '));
  }

  async stop(): Promise<void> {}
}
