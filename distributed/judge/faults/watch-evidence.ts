/** What `watch.jsonl` says, to be asked what held at an instant and when something came to be. */
import type { HealthStatus, WatchRecord } from '../../run/watch-record.ts';
import type { Cast } from './expectation.ts';

/** The looks begin with the fault. */
const FIRST_LOOK_MS_MAX = 1_000;

interface Change<T> {
  readonly atMs: number;
  readonly value: T;
}

export interface SeenAlert {
  readonly alert: string;
  readonly about: string;
  readonly activeAtMs: number;
  /** Null: it never did. */
  readonly firingAtMs: number | null;
}

export class WatchEvidence {
  cast: Cast = { workers: [], gateways: [], servers: [] };
  hasAlerts = false;
  readonly alerts: SeenAlert[] = [];
  /** Those among `alerts` that are not over, by what they are. */
  private readonly openAlerts = new Map<string, number>();
  private readonly watching: Change<boolean>[] = [];
  private lastMs = 0;
  private readonly health = new Map<string, Change<HealthStatus>[]>();
  private readonly positions = new Map<string, Change<number>[]>();

  add(record: WatchRecord): void {
    const { wallMs: atMs } = record;
    this.lastMs = atMs;
    switch (record.what) {
      case 'watching':
        this.cast = record;
        this.hasAlerts = record.hasAlerts;
        this.watching.push({ atMs, value: record.isOn });
        break;
      case 'health':
        changesOf(this.health, record.process).push({ atMs, value: record.status });
        break;
      case 'position':
        changesOf(this.positions, `${record.topic}/${record.partition}`).push({ atMs, value: record.next });
        break;
      case 'alert':
        this.addAlert(record, atMs);
    }
  }

  /** Until when it was looked at without a break from this instant; null: it was not looked at then. */
  watchedUntilMs(fromMs: number): number | null {
    if (this.watching.length === 0) return null;
    return this.watching.find(({ atMs, value }) => !value && atMs >= fromMs)?.atMs ?? this.lastMs;
  }

  /** The first look from this instant on may be the first of all: then that is what held. */
  statusAt(process: string, instantMs: number): HealthStatus | null {
    const changes = this.health.get(process) ?? [];
    return (changes.findLast(({ atMs }) => atMs <= instantMs) ?? changes[0])?.value ?? null;
  }

  /** The first instant from this one on at which the process said such a thing, or went on to say it. */
  firstSaid(process: string, fromMs: number, isSo: (status: HealthStatus) => boolean): number | null {
    const changes = this.health.get(process) ?? [];
    const before = changes.findLast(({ atMs }) => atMs <= fromMs);
    if (before !== undefined && isSo(before.value)) return fromMs;
    return changes.find(({ atMs, value }) => atMs > fromMs && isSo(value))?.atMs ?? null;
  }

  /** What was settled of a partition by then, as far as that was seen; the first look of all comes a moment later. */
  positionAt(partition: string, instantMs: number): number {
    const changes = this.positions.get(partition) ?? [];
    const first = changes.find(({ atMs }) => atMs <= instantMs + FIRST_LOOK_MS_MAX);
    return (changes.findLast(({ atMs }) => atMs <= instantMs) ?? first)?.value ?? 0;
  }

  /** The first look from this instant on that found the record at the offset settled. */
  settledAtMs(partition: string, offset: number, fromMs: number): number | null {
    if (this.positionAt(partition, fromMs) > offset) return fromMs;
    return this.positions.get(partition)?.find(({ atMs, value }) => atMs > fromMs && value > offset)?.atMs ?? null;
  }

  private addAlert({ alert, about, state, activeAtMs }: WatchRecord & { what: 'alert' }, atMs: number): void {
    const name = `${alert} ${about} ${activeAtMs}`;
    const index = this.openAlerts.get(name);
    const firingAtMs = state === 'firing' ? atMs : null;
    if (index === undefined) this.openAlerts.set(name, this.alerts.push({ alert, about, activeAtMs, firingAtMs }) - 1);
    else if (firingAtMs !== null) this.alerts[index] = { alert, about, activeAtMs, firingAtMs };
  }
}

function changesOf<T>(all: Map<string, Change<T>[]>, name: string): Change<T>[] {
  const changes = all.get(name) ?? [];
  all.set(name, changes);
  return changes;
}
