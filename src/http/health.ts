/**
 * Asks all dependencies at once, each for a bounded time and never twice at the same time, however often the probes
 * are called: a dependency in trouble is not asked more.
 */
import { type AppError, describeError } from '../errors.ts';
import type { Phase } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';
import { settledWithin } from '../timing/deadline.ts';

/** One dependency as the probes see it. */
export interface HealthProbe {
  readonly name: 'database' | 'kafka' | 'redis' | 'outbox';
  /** Without it this process cannot do its work: not ready. Without any other it is only degraded. */
  readonly required: boolean;
  /** Null when well, else a short reason that may be shown to strangers. May reject; the reason is then hidden. */
  check(): Promise<string | null>;
}

export interface DependencyState {
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly detail?: string;
}

export interface Health {
  readonly phase: Phase;
  /** Every required dependency answers. */
  readonly available: boolean;
  /** Every dependency answers. */
  readonly complete: boolean;
  readonly dependencies: Readonly<Record<string, DependencyState>>;
}

export class HealthCheck {
  private readonly underway = new Map<string, Promise<string | null>>();

  constructor(
    private readonly deps: {
      readonly probes: readonly HealthProbe[];
      readonly phase: () => Phase;
      readonly checkTimeoutMs: number;
      readonly log: Logger;
    },
  ) {}

  async read(): Promise<Health> {
    const { probes } = this.deps;
    const details = await Promise.all(probes.map((probe) => this.ask(probe)));
    const dependencies = probes.map((probe, index) => {
      const detail = details[index] ?? null;
      const state: DependencyState =
        detail === null ? { status: 'ok' } : { status: probe.required ? 'failed' : 'degraded', detail };
      return [probe.name, state] as const;
    });
    return {
      phase: this.deps.phase(),
      available: dependencies.every(([, { status }]) => status !== 'failed'),
      complete: dependencies.every(([, { status }]) => status === 'ok'),
      dependencies: Object.fromEntries(dependencies),
    };
  }

  private async ask(probe: HealthProbe): Promise<string | null> {
    const answer = this.underway.get(probe.name) ?? this.begin(probe);
    const { checkTimeoutMs } = this.deps;
    return (await settledWithin(answer, checkTimeoutMs)) ? answer : `no answer within ${checkTimeoutMs} ms`;
  }

  private begin(probe: HealthProbe): Promise<string | null> {
    const answer = Promise.resolve()
      .then(() => probe.check())
      .catch((error: unknown) => {
        this.deps.log.warn({ dependency: probe.name, reason: describeError(error) }, 'health check failed');
        return (error as Partial<AppError> | null)?.code === 'UNAVAILABLE' ? 'unavailable' : 'check failed';
      })
      .finally(() => this.underway.delete(probe.name));
    this.underway.set(probe.name, answer);
    return answer;
  }
}
