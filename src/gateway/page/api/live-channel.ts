/**
 * One batch's live messages for as long as somebody looks. Guarantees: it comes back by itself after whatever happened,
 * with the version it has, later each time and never at the same instant as everybody else; its state is told whenever it
 * changes. WebSocket, and server-sent events where something on the way allows no WebSocket.
 */
import type { LiveTicket } from '../../../contract/ingest.ts';
import type { LiveMessage } from '../../../contract/live.ts';
import { backoffMs } from '../../../timing/backoff.ts';
import type { Connection } from './connection.ts';
import { ask } from './requests.ts';
import { givenToken } from './token.ts';

const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 15_000;
const OPEN_MS_MAX = 8000;
/** Every so many tries in a row that fail is one by events. */
const TRIES_PER_STREAM = 3;
const EVENTS: readonly LiveMessage['type'][] = ['snapshot', 'changes', 'complete'];

export interface LiveChannelDeps {
  readonly batchId: string;
  /** What is known; null: nothing. */
  version(): number | null;
  onMessage(message: LiveMessage): void;
  onConnection(connection: Connection): void;
}

interface Line {
  close(): void;
}

export class LiveChannel {
  private readonly deps: LiveChannelDeps;
  private readonly listeners = new AbortController();
  private line: Line | undefined;
  private timer: number | undefined;
  private failureCount = 0;
  private staleSinceMs = Date.now();

  constructor(deps: LiveChannelDeps) {
    this.deps = deps;
    const { signal } = this.listeners;
    document.addEventListener('visibilitychange', () => this.followVisibility(), { signal });
    window.addEventListener('online', () => this.retryNow(), { signal });
    this.followVisibility();
  }

  retryNow(): void {
    if (this.timer === undefined || document.hidden) return;
    this.connect();
  }

  /** What is heard by this line cannot be trusted: leaves it and comes back. */
  distrust(): void {
    if (this.line !== undefined) this.fail();
  }

  close(): void {
    this.listeners.abort();
    this.leave();
  }

  private followVisibility(): void {
    if (document.hidden) {
      this.leave();
      this.deps.onConnection({ kind: 'paused' });
    } else if (this.line === undefined) {
      this.failureCount = 0;
      this.connect();
    }
  }

  private connect(): void {
    this.leave();
    this.deps.onConnection({ kind: 'connecting' });
    this.timer = window.setTimeout(() => this.fail(), OPEN_MS_MAX);
    const connecting = new AbortController();
    this.line = { close: () => connecting.abort() };
    const { signal } = connecting;
    this.path(signal).then(
      (path) => {
        if (!signal.aborted) this.open(path);
      },
      () => {
        if (!signal.aborted) this.fail();
      },
    );
  }

  private open(path: string): void {
    const isStream = this.failureCount % TRIES_PER_STREAM === TRIES_PER_STREAM - 1;
    this.line = (isStream ? openStream : openSocket)(path, {
      onOpen: () => {
        this.clearTimer();
        this.failureCount = 0;
        this.deps.onConnection({ kind: 'live' });
      },
      onText: (text) => this.deps.onMessage(JSON.parse(text) as LiveMessage),
      onEnd: () => this.fail(),
    });
  }

  /** A browser can show no token here; a ticket, which is of no use soon, may stand in an address. */
  private async path(signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams();
    const version = this.deps.version();
    if (version !== null) query.set('after', String(version));
    if (givenToken() !== null) {
      const { ticket } = (await ask<LiveTicket>('/v1/live/tickets', signal, 'POST')).body;
      if (ticket !== null) query.set('ticket', ticket);
    }
    return `/v1/batches/${encodeURIComponent(this.deps.batchId)}/live?${query}`;
  }

  private fail(): void {
    this.leave();
    if (this.failureCount === 0) this.staleSinceMs = Date.now();
    this.failureCount += 1;
    const waitMs = backoffMs(this.failureCount, WAIT_MS_MIN, WAIT_MS_MAX);
    this.timer = window.setTimeout(() => this.connect(), waitMs);
    this.deps.onConnection({ kind: 'away', retryAtMs: Date.now() + waitMs, sinceMs: this.staleSinceMs });
  }

  private leave(): void {
    this.clearTimer();
    this.line?.close();
    this.line = undefined;
  }

  private clearTimer(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
  }
}

interface LineEvents {
  onOpen(): void;
  onText(text: string): void;
  onEnd(): void;
}

function openSocket(path: string, { onOpen, onText, onEnd }: LineEvents): Line {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  // After close() nothing of this line may be heard: its successor knows another version.
  const listeners = new AbortController();
  const { signal } = listeners;
  socket.addEventListener('open', onOpen, { signal });
  socket.addEventListener('message', ({ data }) => onText(String(data)), { signal });
  socket.addEventListener('close', onEnd, { signal });
  return {
    close: () => {
      listeners.abort();
      socket.close();
    },
  };
}

function openStream(path: string, { onOpen, onText, onEnd }: LineEvents): Line {
  const source = new EventSource(path);
  source.addEventListener('open', onOpen);
  for (const name of EVENTS) source.addEventListener(name, ({ data }) => onText(String(data)));
  source.addEventListener('error', onEnd);
  return { close: () => source.close() };
}
