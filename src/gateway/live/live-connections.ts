/**
 * The open live connections, whatever they speak. Guarantees: a dead one is gone within half a minute, one that does not
 * drain is closed and told to come back, none lives much longer than a quarter of an hour, so that a gateway that was
 * added gets its share, and at a stop they leave one after the other, so that the others are not stormed.
 */
import type { Service } from '../../lifecycle.ts';
import { Repeating } from '../../timing/repeating.ts';
import type { Watcher, WatchHub } from './watch-hub.ts';

/** Of RFC 6455 and its registry: come back, the service restarts; and, try again later. */
export const CLOSE_RESTART = 1012;
export const CLOSE_TOO_SLOW = 1013;
const PING_MS = 15_000;
const UNDRAINED_MS_MAX = 30_000;
const AGE_MS_MIN = 600_000;
const AGE_SPREAD_MS = 300_000;
const STOP_SPREAD_MS = 3000;
const STOP_STEP_MS = 50;

export interface LiveConnection extends Watcher {
  /** False when the last one was not answered. */
  ping(): boolean;
  close(code: typeof CLOSE_RESTART | typeof CLOSE_TOO_SLOW): void;
  /** At once, without a word. */
  cut(): void;
}

interface Entry {
  readonly connection: LiveConnection;
  readonly leavesAtMs: number;
  undrainedSinceMs: number | undefined;
  readonly unwatch: () => void;
}

export class LiveConnections implements Service {
  readonly name = 'live-connections';
  private readonly deps: {
    readonly hub: WatchHub;
    readonly connectionsMax: number;
    onFailure: (error: unknown) => void;
  };
  private readonly entries = new Set<Entry>();
  private readonly sweep: Repeating;
  private isStopping = false;

  constructor(deps: LiveConnections['deps']) {
    this.deps = deps;
    this.sweep = new Repeating(async () => this.look(), PING_MS, deps.onFailure);
  }

  get isFull(): boolean {
    return this.isStopping || this.entries.size >= this.deps.connectionsMax;
  }

  get size(): number {
    return this.entries.size;
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

  /** Answers what to call when the connection is closed from the other side. */
  add(batchId: string, after: number | null, connection: LiveConnection): () => void {
    const entry: Entry = {
      connection,
      leavesAtMs: performance.now() + AGE_MS_MIN + Math.random() * AGE_SPREAD_MS,
      undrainedSinceMs: undefined,
      unwatch: this.deps.hub.watch(batchId, after, connection),
    };
    this.entries.add(entry);
    return () => this.forget(entry);
  }

  private look(): void {
    const nowMs = performance.now();
    for (const entry of [...this.entries]) {
      const { connection } = entry;
      entry.undrainedSinceMs = connection.isDrained() ? undefined : (entry.undrainedSinceMs ?? nowMs);
      if (nowMs - (entry.undrainedSinceMs ?? nowMs) >= UNDRAINED_MS_MAX) this.leave(entry, CLOSE_TOO_SLOW);
      else if (nowMs > entry.leavesAtMs) this.leave(entry, CLOSE_RESTART);
      else if (!connection.ping()) {
        this.forget(entry);
        connection.cut();
      }
    }
  }

  private leave(entry: Entry, code: typeof CLOSE_RESTART | typeof CLOSE_TOO_SLOW): void {
    this.forget(entry);
    entry.connection.close(code);
  }

  private forget(entry: Entry): void {
    if (this.entries.delete(entry)) entry.unwatch();
  }
}
