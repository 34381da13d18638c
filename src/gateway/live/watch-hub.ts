/**
 * Tells watchers of batches how these move on. Guarantees (G11): each watcher gets every version once, in order, without a
 * gap, or a snapshot in place of what it missed, because what it is told is read from the database from its own version
 * on. So a ring of the bell that is lost, late or doubled does no harm: all batches are looked at every `pollMs` anyway.
 * However many batches ring, there is one statement at a time; it takes at most a third of the time. Nothing is queued
 * for a watcher that does not drain: it is told later, from the version it has.
 */
import type { BatchProgress, ProgressReader, WatchedBatch } from '../../domain/live.ts';
import { describeError } from '../../errors.ts';
import type { Service } from '../../lifecycle.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { Repeating } from '../../timing/repeating.ts';
import { LiveMessages, type LiveTexts } from './live-messages.ts';

const LOOK_MS_MIN = 25;
/** Of the duration of a look, before the next one begins. */
const REST_FACTOR = 2;
const RETRY_MS = 1000;
const BATCHES_PER_LOOK_MAX = 500;
/** Told in one turn of the event loop. */
const SLICE = 200;

export interface Watcher {
  /** False while much of what was sent before lies here still. */
  isDrained(): boolean;
  send(message: LiveTexts): void;
}

interface Watch {
  readonly watcher: Watcher;
  /** What it has; null: nothing. */
  version: number | null;
  /** As it was told; '' before it was told anything. */
  state: BatchProgress['state'] | '';
}

export class WatchHub implements Service {
  readonly name = 'live';
  private readonly deps: { readonly reader: ProgressReader; readonly pollMs: number; readonly log: Logger };
  private readonly watches = new Map<string, Set<Watch>>();
  private readonly rung = new Set<string>();
  private readonly poll: Repeating;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private nextLookAtMs = 0;
  private isStopped = false;
  private isFailing = false;

  constructor(deps: { readonly reader: ProgressReader; readonly pollMs: number; readonly log: Logger }) {
    this.deps = deps;
    const ring = async () => this.ringAll();
    this.poll = new Repeating(ring, deps.pollMs, (error) => deps.log.error({ err: error }, 'live progress has a bug'));
  }

  get size(): number {
    return this.watches.size;
  }

  async start(): Promise<void> {
    this.poll.start();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.poll.stop();
    await this.looking;
  }

  /** Begins at a version, or with a snapshot. Answers how to end it. */
  watch(batchId: string, after: number | null, watcher: Watcher): () => void {
    const watch: Watch = { watcher, version: after, state: '' };
    const watches = this.watches.get(batchId) ?? new Set();
    this.watches.set(batchId, watches);
    watches.add(watch);
    this.ring([batchId]);
    return () => {
      watches.delete(watch);
      if (watches.size === 0 && this.watches.get(batchId) === watches) this.watches.delete(batchId);
    };
  }

  /** What was rung while nobody heard it may be about any of them. */
  ringAll(): void {
    this.ring([...this.watches.keys()]);
  }

  /** Something may have become of these. */
  ring(batchIds: readonly string[]): void {
    for (const batchId of batchIds) if (this.watches.has(batchId)) this.rung.add(batchId);
    this.arm();
  }

  private arm(): void {
    if (this.isStopped || this.rung.size === 0 || this.timer !== undefined || this.looking !== undefined) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.looking = this.look().finally(() => {
          this.looking = undefined;
          this.arm();
        });
      },
      Math.max(0, this.nextLookAtMs - performance.now()),
    );
  }

  private async look(): Promise<void> {
    const asked = [...this.rung].slice(0, BATCHES_PER_LOOK_MAX);
    for (const batchId of asked) this.rung.delete(batchId);
    const watched = asked.map((batchId) => this.known(batchId)).filter((each) => each !== undefined);
    const startedAtMs = performance.now();
    try {
      const found = watched.length === 0 ? [] : await this.deps.reader.progress(watched);
      const tookMs = performance.now() - startedAtMs;
      const versions = new Map(watched.map(({ batchId, version }) => [batchId, version]));
      for (const progress of found) await this.tell(progress, versions.get(progress.batchId) ?? 0);
      this.nextLookAtMs = performance.now() + Math.max(LOOK_MS_MIN, REST_FACTOR * tookMs);
      this.isFailing = false;
    } catch (error) {
      for (const batchId of asked) if (this.watches.has(batchId)) this.rung.add(batchId);
      this.nextLookAtMs = performance.now() + RETRY_MS;
      if (!this.isFailing) this.deps.log.warn({ reason: describeError(error) }, 'live progress waits for the database');
      this.isFailing = true;
    }
  }

  /** From the lowest version of those who can be told. */
  private known(batchId: string): WatchedBatch | undefined {
    const watches = [...(this.watches.get(batchId) ?? [])].filter(({ watcher }) => watcher.isDrained());
    if (watches.length === 0) return undefined;
    let version = Number.POSITIVE_INFINITY;
    for (const watch of watches) version = Math.min(version, watch.version ?? 0);
    const [{ state } = { state: '' as const }] = watches;
    const isOneKnown = watches.every((watch) => watch.version === version && watch.state === state);
    return { batchId, version, state: isOneKnown ? state : '' };
  }

  private async tell(progress: BatchProgress, askedVersion: number): Promise<void> {
    const messages = new LiveMessages(progress);
    let count = 0;
    for (const watch of [...(this.watches.get(progress.batchId) ?? [])]) {
      if (!this.watches.get(progress.batchId)?.has(watch)) continue;
      if (!this.tellOne(watch, messages, askedVersion)) this.rung.add(progress.batchId);
      count += 1;
      if (count % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** False where it must be looked at again. */
  private tellOne(watch: Watch, messages: LiveMessages, askedVersion: number): boolean {
    const { watcher } = watch;
    const isNews = watch.version !== messages.version || watch.state !== messages.state;
    if (!isNews || !watcher.isDrained()) return true;
    // It came during the look, or drained during it: what it has missed was not asked for.
    if ((watch.version ?? 0) < askedVersion) return false;
    const message = messages.since(watch.version);
    if (message === undefined) {
      watch.version = null;
      return false;
    }
    watcher.send(message);
    const complete = messages.complete();
    if (complete !== undefined) watcher.send(complete);
    watch.version = messages.version;
    watch.state = messages.state;
    return true;
  }
}
