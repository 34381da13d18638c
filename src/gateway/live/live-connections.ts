/**
 * The open live connections, whatever they speak. Guarantees: a dead one is gone within half a minute, one that does not
 * drain is closed and told to come back, none outlives the token it was opened with by more than a sweep, none lives much
 * longer than a quarter of an hour, so that a gateway that was added gets its share, and at a stop they leave one after
 * the other, so that the others are not stormed.
 */
import type { Service } from '../../lifecycle.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { Principal } from '../access/principal.ts';
import type { Watcher, WatchHub } from './watch-hub.ts';

/** Of RFC 6455 and its registry: come back, the service restarts; and, try again later. */
export const CLOSE_RESTART = 1012;
export const CLOSE_TOO_SLOW = 1013;
/** Of ours: come back with a new token. */
export const CLOSE_TOKEN_ENDED = 4401;
const PING_MS = 15_000;
/** Looked at in one turn of the event loop. */
const SLICE = 200;
const UNDRAINED_MS_MAX = 30_000;
const AGE_MS_MIN = 600_000;
const AGE_SPREAD_MS = 300_000;
const STOP_SPREAD_MS = 3000;
const STOP_STEP_MS = 50;

export type EndReason = 'restart' | 'slow' | 'token' | 'dead';
const REASONS = { [CLOSE_RESTART]: 'restart', [CLOSE_TOO_SLOW]: 'slow', [CLOSE_TOKEN_ENDED]: 'token' } as const;
export type CloseCode = typeof CLOSE_RESTART | typeof CLOSE_TOO_SLOW | typeof CLOSE_TOKEN_ENDED;

export interface LiveConnection extends Watcher {
  /** False when the last one was not answered. */
  ping(): boolean;
  close(code: CloseCode): void;
  /** At once, without a word. */
  cut(): void;
}

export interface LiveConnectionsDeps {
  readonly hub: WatchHub;
  readonly connectionsMax: number;
  readonly perUserMax: number;
  /** Batches of one connection. */
  readonly watchesMax: number;
  onFailure: (error: unknown) => void;
  /** Ended from this side. */
  onEnded: (reason: EndReason) => void;
  nowMs(): number;
}

/** One connection as who speaks its protocol sees it. */
export interface Opened {
  /** From a version on, or from a snapshot; one that is watched already begins anew. False when it watches too many. */
  watch(batchId: string, after: number | null): boolean;
  unwatch(batchId: string): void;
  /** It was closed from the other side. */
  gone(): void;
}

interface Entry {
  readonly connection: LiveConnection;
  readonly principal: Principal;
  readonly leavesAtMs: number;
  undrainedSinceMs: number | undefined;
  readonly watches: Map<string, () => void>;
}

export class LiveConnections implements Service {
  readonly name = 'live-connections';
  private readonly deps: LiveConnectionsDeps;
  private readonly entries = new Set<Entry>();
  private readonly countByUser = new Map<string, number>();
  private readonly sweep: Repeating;
  private isStopping = false;

  constructor(deps: LiveConnectionsDeps) {
    this.deps = deps;
    this.sweep = new Repeating(() => this.look(), PING_MS, deps.onFailure);
  }

  get size(): number {
    return this.entries.size;
  }

  get isFull(): boolean {
    return this.isStopping || this.entries.size >= this.deps.connectionsMax;
  }

  hasTooMany({ isAnybody, subject }: Principal): boolean {
    return !isAnybody && (this.countByUser.get(subject) ?? 0) >= this.deps.perUserMax;
  }

  async start(): Promise<void> {
    this.sweep.start();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.sweep.stop();
    const steps = STOP_SPREAD_MS / STOP_STEP_MS;
    const perStep = Math.ceil(this.entries.size / steps);
    while (this.entries.size > 0) {
      for (const entry of [...this.entries].slice(0, perStep)) this.leave(entry, CLOSE_RESTART);
      if (this.entries.size > 0) await new Promise((resolve) => setTimeout(resolve, STOP_STEP_MS));
    }
  }

  add(connection: LiveConnection, principal: Principal): Opened {
    const entry: Entry = {
      connection,
      principal,
      leavesAtMs: performance.now() + AGE_MS_MIN + Math.random() * AGE_SPREAD_MS,
      undrainedSinceMs: undefined,
      watches: new Map(),
    };
    this.entries.add(entry);
    this.countByUser.set(principal.subject, (this.countByUser.get(principal.subject) ?? 0) + 1);
    return {
      watch: (batchId, after) => this.watch(entry, batchId, after),
      unwatch: (batchId) => this.unwatch(entry, batchId),
      gone: () => this.forget(entry),
    };
  }

  private watch(entry: Entry, batchId: string, after: number | null): boolean {
    if (!this.entries.has(entry)) return true;
    this.unwatch(entry, batchId);
    if (entry.watches.size >= this.deps.watchesMax) return false;
    entry.watches.set(batchId, this.deps.hub.watch(batchId, after, entry.connection));
    return true;
  }

  private unwatch({ watches }: Entry, batchId: string): void {
    watches.get(batchId)?.();
    watches.delete(batchId);
  }

  private async look(): Promise<void> {
    let count = 0;
    for (const entry of [...this.entries]) {
      if (this.entries.has(entry)) this.lookAt(entry, performance.now());
      count += 1;
      if (count % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private lookAt(entry: Entry, nowMs: number): void {
    const { connection, principal } = entry;
    entry.undrainedSinceMs = connection.isDrained() ? undefined : (entry.undrainedSinceMs ?? nowMs);
    if (nowMs - (entry.undrainedSinceMs ?? nowMs) >= UNDRAINED_MS_MAX) this.leave(entry, CLOSE_TOO_SLOW);
    else if (principal.endsAtMs !== null && this.deps.nowMs() > principal.endsAtMs)
      this.leave(entry, CLOSE_TOKEN_ENDED);
    else if (nowMs > entry.leavesAtMs) this.leave(entry, CLOSE_RESTART);
    else if (!connection.ping()) {
      this.forget(entry);
      this.deps.onEnded('dead');
      connection.cut();
    }
  }

  private leave(entry: Entry, code: CloseCode): void {
    this.forget(entry);
    this.deps.onEnded(REASONS[code]);
    entry.connection.close(code);
  }

  private forget(entry: Entry): void {
    if (!this.entries.delete(entry)) return;
    for (const unwatch of entry.watches.values()) unwatch();
    entry.watches.clear();
    const { subject } = entry.principal;
    const count = (this.countByUser.get(subject) ?? 1) - 1;
    if (count === 0) this.countByUser.delete(subject);
    else this.countByUser.set(subject, count);
  }
}
