/**
 * Somebody who watches one batch by WebSocket and writes down every message as it comes. When the connection ends he comes
 * back after a moment with the version he has, until he leaves. He judges nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Note } from './http-user.ts';

const CONNECT_MS_MAX = 10_000;
const FAREWELL_CODE = 1000;

export interface WatcherOptions {
  readonly name: string;
  readonly batchId: string;
  /** Of the balancer or of a gateway, for each connection from 0 on. */
  readonly urlOf: (connection: number) => string;
  /** How long he waits before he comes back. */
  readonly returnMs: () => number;
  readonly note: Note;
  /** False: he is there and hears, and says nothing, not even that. */
  readonly answersPings?: boolean;
  /** False: he watches over one connection, and not again. */
  readonly returns?: boolean;
}

export class LiveWatcher {
  readonly options: WatcherOptions;
  version: number | null = null;
  isComplete = false;
  /** Messages, over all connections. */
  toldCount = 0;
  connectionCount = 0;
  /** Of the connection that is open now. */
  gateway: string | null = null;
  private socket: WebSocket | null = null;
  private isLeaving = false;
  private readonly watching: Promise<void>;

  constructor(options: WatcherOptions) {
    this.options = options;
    this.watching = this.watch();
  }

  get isConnected(): boolean {
    return this.gateway !== null;
  }

  /** The line breaks, and nobody says goodbye; he comes back. */
  cut(): void {
    this.socket?.terminate();
  }

  async leave({ atRest }: { readonly atRest: boolean }): Promise<void> {
    this.isLeaving = true;
    const { name, batchId, note } = this.options;
    note(name, batchId, { what: 'left', atRest });
    this.socket?.close(FAREWELL_CODE);
    await this.watching;
  }

  private async watch(): Promise<void> {
    for (let connection = 0; !this.isLeaving; connection++) {
      await this.connection(connection);
      if (this.options.returns === false) return;
      if (!this.isLeaving) await sleep(this.options.returnMs());
    }
  }

  /** Resolves when it has ended, or could not be had. */
  private connection(connection: number): Promise<void> {
    const { batchId, urlOf, answersPings: autoPong = true } = this.options;
    const url = `${urlOf(connection).replace(/^http/, 'ws')}/v1/batches/${batchId}/live`;
    const after = this.version;
    const handshakeTimeout = CONNECT_MS_MAX;
    const socket = new WebSocket(after === null ? url : `${url}?after=${after}`, { autoPong, handshakeTimeout });
    this.socket = socket;
    socket.on('upgrade', ({ headers }) => {
      this.gateway = String(headers['x-upstream'] ?? new URL(url).host);
      this.connectionCount++;
      this.write({ what: 'connected', gateway: this.gateway, after });
    });
    socket.on('message', (data) => this.take(String(data)));
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.once('close', (code) => {
        if (this.gateway !== null) this.write({ what: 'closed', code });
        this.gateway = null;
        this.socket = null;
        resolve();
      });
    });
  }

  private take(text: string): void {
    this.write({ what: 'told', text });
    const message = JSON.parse(text) as { readonly type: string; readonly version?: number; readonly to?: number };
    this.toldCount++;
    this.version = message.version ?? message.to ?? this.version;
    if (message.type === 'complete') this.isComplete = true;
  }

  /** After the farewell he writes no more. */
  private write(note: Parameters<Note>[2]): void {
    const { name, batchId } = this.options;
    if (!this.isLeaving) this.options.note(name, batchId, note);
  }
}
