/**
 * Asks all dependencies at once and again and again, each for a bounded time, never twice at the same time, and not more
 * often because probes are called more often. Every change is logged, and nothing but changes; metrics say what the
 * probes say, also where nobody probes.
 */
import { type AppError, describeError } from '../errors.ts';
import type { Phase, Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { settledWithin } from '../timing/deadline.ts';
import { Repeating } from '../timing/repeating.ts';

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
  /** What the process is for can be done, or a part of it where its parts are of use alone. */
  readonly available: boolean;
  /** Every dependency answers. */
  readonly complete: boolean;
  readonly dependencies: Readonly<Record<string, DependencyState>>;
}

interface Finding {
  readonly atMs: number;
  readonly detail: string | null;
}

/** A probe with a time limit of a second gets its answer. */
const IMPATIENCE_MS = 300;

export class HealthCheck implements Service {
  readonly name = 'health';
  private readonly looks = new Map<string, Promise<string | null>>();
  private readonly underway = new Map<string, Promise<string | null>>();
  private readonly found = new Map<string, Finding>();

  private readonly loop: Repeating;

  constructor(
    private readonly deps: {
      readonly probes: readonly HealthProbe[];
      readonly phase: () => Phase;
      readonly checkTimeoutMs: number;
      /** Each required dependency serves a part of the work that goes on without the others. */
      readonly oneIsEnough?: boolean;
      /** Between two looks of its own. */
      readonly intervalMs: number;
      /** What was found is told again for so long. */
      readonly freshMs: number;
      readonly metrics: Metrics;
      readonly log: Logger;
    },
  ) {
    const look = async (): Promise<void> => {
      await this.read();
    };
    this.loop = new Repeating(look, deps.intervalMs, (error) =>
      deps.log.error({ err: error }, 'health check has a bug'),
    );
  }

  async start(): Promise<void> {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  async read(): Promise<Health> {
    const { probes, oneIsEnough = false } = this.deps;
    const details = await Promise.all(probes.map((probe) => this.look(probe)));
    const dependencies = probes.map((probe, index) => {
      const detail = details[index] ?? null;
      const state: DependencyState =
        detail === null ? { status: 'ok' } : { status: probe.required ? 'failed' : 'degraded', detail };
      return [probe.name, state] as const;
    });
    const required = dependencies.filter((_, index) => probes[index]?.required === true);
    const isUp = ([, { status }]: (typeof required)[number]) => status !== 'failed';
    return {
      phase: this.deps.phase(),
      available: oneIsEnough ? required.some(isUp) : required.every(isUp),
      complete: dependencies.every(([, { status }]) => status === 'ok'),
      dependencies: Object.fromEntries(dependencies),
    };
  }

  /** What was found last, where that is young, or where the next answer takes longer than who asks can wait. */
  private async look(probe: HealthProbe): Promise<string | null> {
    const found = this.found.get(probe.name);
    if (found !== undefined && performance.now() - found.atMs < this.deps.freshMs) return found.detail;
    const look = this.looks.get(probe.name) ?? this.beginLook(probe);
    return found === undefined || (await settledWithin(look, IMPATIENCE_MS)) ? look : found.detail;
  }

  private beginLook(probe: HealthProbe): Promise<string | null> {
    const look = this.ask(probe).then((detail) => {
      this.looks.delete(probe.name);
      this.note(probe, detail);
      return detail;
    });
    this.looks.set(probe.name, look);
    return look;
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
    const former = this.found.get(dependency)?.detail ?? null;
    this.found.set(dependency, { atMs: performance.now(), detail });
    if ((former === null) === (detail === null) || phase() !== 'running') return;
    if (detail === null) log.info({ dependency }, 'dependency is well again');
    else log.warn({ dependency, required, detail }, 'dependency is not well');
  }
}
