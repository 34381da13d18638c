/**
 * Whether more waits in the outbox than it should hold. Above the high-water mark the intake pauses until half of it is
 * gone, so that a destination that takes nothing for hours does not fill the database's disk.
 */
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

export class OutboxPressure {
  private readonly deps: { readonly highWaterMessages: number; readonly metrics: Metrics; readonly log: Logger };
  private readonly listeners: ((isHigh: boolean) => void)[] = [];
  private high = false;

  constructor(deps: { readonly highWaterMessages: number; readonly metrics: Metrics; readonly log: Logger }) {
    this.deps = deps;
  }

  get highWaterMessages(): number {
    return this.deps.highWaterMessages;
  }

  /** Told of every change; nothing is high before the first. */
  onChange(listener: (isHigh: boolean) => void): void {
    this.listeners.push(listener);
  }

  measured(unpublishedMessages: number): void {
    const { highWaterMessages, metrics, log } = this.deps;
    const isHigh = unpublishedMessages >= (this.high ? highWaterMessages / 2 : highWaterMessages);
    if (isHigh === this.high) return;
    this.high = isHigh;
    metrics.intakeHeld.set(isHigh ? 1 : 0);
    const fields = { unpublishedMessages, highWaterMessages };
    if (isHigh) log.error(fields, 'outbox is above its high-water mark: the intake pauses');
    else log.info(fields, 'outbox is below half of its high-water mark: the intake goes on');
    for (const listener of this.listeners) listener(isHigh);
  }
}
