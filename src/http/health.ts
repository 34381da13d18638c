/**
 * Asks all dependencies at once, each for a bounded time, never twice at the same time, and not again within a moment,
 * however often the probes are called: a dependency in trouble is not asked more. Every change is logged, and nothing
 * but changes.
 */
import { type AppError, describeError } from '../errors.ts';
import type { Phase } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { settledWithin } from '../timing/deadline.ts';

/** One dependency as the probes see it. */
export interface HealthProbe {
  readonly name: 'database' | 'kafka' | 'work' | 'redis' | 'outbox';
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

interface Look {
  readonly atMs: number;
  readonly detail: Promise<string | null>;
}

export class HealthCheck {
  private readonly looks = new Map<string, Look>();
  private readonly underway = new Map<string, Promise<string | null>>();
  private readonly former = new Map<string, string | null>();

  constructor(
    private readonly deps: {
      readonly probes: readonly HealthProbe[];
      readonly phase: () => Phase;
      readonly checkTimeoutMs: number;
      /** An answer this young is given again. */
      readonly freshMs: number;
      readonly metrics: Metrics;
      readonly log: Logger;
    },
  ) {}

  async read(): Promise<Health> {
    const { probes } = this.deps;
    const details = await Promise.all(probes.map((probe) => this.look(probe)));
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

  private look(probe: HealthProbe): Promise<string | null> {
    const known = this.looks.get(probe.name);
    const nowMs = performance.now();
    if (known !== undefined && nowMs - known.atMs < this.deps.freshMs) return known.detail;
    const detail = this.ask(probe).then((answer) => {
      this.note(probe, answer);
      return answer;
    });
    this.looks.set(probe.name, { atMs: nowMs, detail });
    return detail;
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
        this.deps.log.debug({ dependency: probe.name, reason: describeError(error) }, 'health check failed');
        return (error as Partial<AppError> | null)?.code === 'UNAVAILABLE' ? 'unavailable' : 'check failed';
      })
      .finally(() => this.underway.delete(probe.name));
    this.underway.set(probe.name, answer);
    return answer;
  }

  private note({ name: dependency, required }: HealthProbe, detail: string | null): void {
    const { metrics, log, phase } = this.deps;
    metrics.dependencyUp.set({ dependency }, detail === null ? 1 : 0);
    const wasWell = this.former.get(dependency) ?? null;
    this.former.set(dependency, detail);
    if ((wasWell === null) === (detail === null) || phase() !== 'running') return;
    if (detail === null) log.info({ dependency }, 'dependency is well again');
    else log.warn({ dependency, required, detail }, 'dependency is not well');
  }
}
