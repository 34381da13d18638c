/**
 * Looks at the service five times a second while something is broken and a while after, in every part: what each process
 * says of itself, how far the inbound partitions are settled, which alerts Prometheus has. Into watch.jsonl, changes only,
 * so that what was noticed when, and when work went on, is read from there as often as one likes. Each kind of look goes
 * its own way: a server that hangs keeps none of the others waiting. A look that fails is left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../../cluster/worker-process.ts';
import type { WatchSeen } from '../../run/watch-record.ts';
import type { Journal } from '../journal.ts';
import type { PartEvents } from '../part-events.ts';
import { PositionReader } from './position-reader.ts';
import { healthOf } from './worker-health.ts';

const INTERVAL_MS = 200;
/** Longer than any limit of a recovery, so that one that was missed is known to be. */
export const WATCHED_AFTER_MS = 35_000;

type Process = Pick<WorkerProcess, 'name' | 'url'>;

export interface ActiveAlert {
  readonly alert: string;
  readonly about: string;
  readonly state: 'pending' | 'firing';
  readonly activeAtMs: number;
}

export interface FaultWatchOptions {
  readonly journal: Pick<Journal, 'seen'>;
  readonly events: PartEvents;
  readonly databaseUrl: string;
  readonly workers: readonly Process[];
  readonly gateways: readonly Process[];
  readonly servers: readonly { readonly name: string }[];
  /** Null where nobody has any. */
  readonly alerts: (() => Promise<readonly ActiveAlert[]>) | null;
}

export class FaultWatch {
  private readonly options: FaultWatchOptions;
  private readonly positions: PositionReader;
  /** What was written last of each thing. */
  private readonly told = new Map<string, WatchSeen>();
  private readonly stopping = new AbortController();
  private isWatching = false;
  private faultsOn = 0;
  private untilMs = 0;
  private loops: Promise<unknown> | null = null;

  constructor(options: FaultWatchOptions) {
    this.options = options;
    this.positions = new PositionReader(options.databaseUrl);
    options.events.on('fault', (_fault, _target, phase) => this.noteFault(phase));
  }

  /** Idempotent. */
  async end(): Promise<void> {
    this.stopping.abort();
    await this.loops;
    this.noteRest();
    this.positions.leave();
  }

  private noteFault(phase: 'start' | 'stop'): void {
    if (this.stopping.signal.aborted) return;
    this.faultsOn += phase === 'start' ? 1 : -1;
    this.untilMs = performance.now() + WATCHED_AFTER_MS;
    if (!this.isWatching) {
      this.told.clear();
      this.tellWatching(true);
    }
    this.loops ??= this.watch();
  }

  private get isOn(): boolean {
    return !this.stopping.signal.aborted && (this.faultsOn > 0 || performance.now() < this.untilMs);
  }

  private async watch(): Promise<void> {
    const { workers, gateways, alerts } = this.options;
    await Promise.all([
      ...[...workers, ...gateways].map((each) => this.repeat(() => this.lookAtHealth(each))),
      this.repeat(() => this.lookAtPositions()),
      alerts === null ? null : this.repeat(() => this.lookAtAlerts(alerts)),
    ]);
  }

  private async repeat(look: () => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted) {
      if (this.isOn) await look().catch(() => undefined);
      else this.noteRest();
      await sleep(INTERVAL_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private noteRest(): void {
    if (this.isWatching) this.tellWatching(false);
  }

  private async lookAtHealth(process: Process): Promise<void> {
    const { name } = process;
    this.tell(name, { what: 'health', process: name, status: await healthOf(process) });
  }

  private async lookAtPositions(): Promise<void> {
    for (const each of await this.positions.read()) {
      this.tell(`${each.topic}/${each.partition}`, { what: 'position', ...each });
    }
  }

  private async lookAtAlerts(alerts: () => Promise<readonly ActiveAlert[]>): Promise<void> {
    const active = new Map((await alerts()).map((each) => [`alert ${each.alert} ${each.about}`, each]));
    for (const [name, { alert, about, state, activeAtMs }] of active) {
      this.tell(name, { what: 'alert', alert, about, state, activeAtMs });
    }
    for (const [name, seen] of this.told) {
      if (seen.what === 'alert' && !active.has(name)) this.tell(name, { ...seen, state: 'over' });
    }
  }

  private tell(name: string, seen: WatchSeen): void {
    if (JSON.stringify(this.told.get(name)) === JSON.stringify(seen)) return;
    this.told.set(name, seen);
    this.options.journal.seen(seen);
  }

  private tellWatching(isOn: boolean): void {
    this.isWatching = isOn;
    const { workers, gateways, servers, alerts } = this.options;
    const namesOf = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
    this.options.journal.seen({
      what: 'watching',
      isOn,
      workers: namesOf(workers),
      gateways: namesOf(gateways),
      servers: namesOf(servers),
      hasAlerts: alerts !== null,
    });
  }
}
