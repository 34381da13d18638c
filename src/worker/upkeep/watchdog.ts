/**
 * Measures lag, and ends a process that owns a partition with records to read and does nothing about it: no record
 * resolved, none answered with a retry, no dependency known to fail. Waiting for a dependency therefore never ends the
 * process, and an unknown lag proves nothing. Retries for ever are not health either, but a new process would go on with
 * them: they make this one unready (`worker/intake/work-health.ts`) and raise an alert.
 */
import type { LagReader } from '../../domain/ports.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { Intake } from '../intake/intake.ts';
import type { PartitionActivity } from '../intake/intake-options.ts';

export interface WatchdogOptions {
  readonly intervalMs: number;
  /** How long a partition with lag may go without any answer. */
  readonly silentMsMax: number;
  /** A lag up to this that never was lower may be control records, which are never handed over. */
  readonly controlRecordsMax: number;
}

export interface WatchdogDeps {
  readonly lagReader: LagReader;
  readonly intake: Pick<Intake, 'partitions'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The contract's name of a topic of this deployment. */
  readonly topicLabel: (topic: string) => string;
  readonly options: WatchdogOptions;
  /** Called at most once. */
  readonly onFatal: (error: Error) => void;
}

/** What was seen of a partition since its last answer. */
interface Observation {
  readonly answerAtMs: number;
  readonly lagMin: number;
  /** When there was first seen to be work; a partition that was idle for an hour has not been silent for an hour. */
  readonly workSinceMs: number;
}

export class Watchdog implements Service {
  readonly name = 'watchdog';
  private readonly deps: WatchdogDeps;
  private readonly loop: Repeating;
  private observations = new Map<string, Observation>();
  private hasBarked = false;

  constructor(deps: WatchdogDeps) {
    this.deps = deps;
    this.loop = new Repeating(
      () => this.look(),
      deps.options.intervalMs,
      (error) => deps.log.warn({ err: error }, 'lag could not be read'),
    );
  }

  start(): Promise<void> {
    this.loop.start();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async look(): Promise<void> {
    const { lagReader, intake, metrics, topicLabel } = this.deps;
    const lags = await lagReader.read();
    // Partitions that are gone must not go on reporting their last value.
    metrics.lag.reset();
    const lagByName = new Map<string, number>();
    for (const { topic, partition, lag } of lags) {
      metrics.lag.set({ topic: topicLabel(topic), partition: String(partition) }, lag);
      lagByName.set(nameOf(topic, partition), lag);
    }
    const former = this.observations;
    this.observations = new Map();
    for (const owned of intake.partitions()) {
      const name = nameOf(owned.topic, owned.partition);
      this.examine(owned, lagByName.get(name) ?? -1, former.get(name));
    }
  }

  private examine(owned: PartitionActivity, lag: number, former: Observation | undefined): void {
    const { topic, partition, lastAnswerAtMs: answerAtMs } = owned;
    const { silentMsMax, controlRecordsMax } = this.deps.options;
    const nowMs = performance.now();
    const known = former?.answerAtMs === answerAtMs ? former : undefined;
    const lagMin = lag < 0 ? (known?.lagMin ?? Number.POSITIVE_INFINITY) : Math.min(known?.lagMin ?? lag, lag);
    const hasWork = lag > controlRecordsMax || lag > lagMin;
    const workSinceMs = hasWork ? Math.min(known?.workSinceMs ?? nowMs, nowMs) : Number.POSITIVE_INFINITY;
    this.observations.set(nameOf(topic, partition), { answerAtMs, lagMin, workSinceMs });
    const silentMs = nowMs - workSinceMs;
    if (silentMs <= silentMsMax || this.hasBarked) return;
    this.hasBarked = true;
    this.deps.log.fatal({ topic, partition, lag, silentMs: Math.round(silentMs) }, 'partition is silent');
    this.deps.onFatal(new Error(`Partition ${partition} of ${topic} has ${lag} records and is silent`));
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
