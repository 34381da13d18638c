import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type LiveMessage, type LiveRefusal, liveMessage } from '../../src/contract/live.ts';

/** A client that believes nothing: what is not a whole continuation of what it has is noted as a fault. */
export class LiveClient {
  readonly faults: string[] = [];
  /** By position. */
  readonly slots = new Map<number, string>();
  version: number | null;
  snapshotCount = 0;
  isComplete = false;

  constructor(after: number | null = null) {
    this.version = after;
  }

  take(text: string): void {
    const message = liveMessage.parse(JSON.parse(text));
    if (message.type === 'complete') {
      this.isComplete = true;
      if (message.version !== this.version) this.faults.push(`complete at ${message.version}, not ${this.version}`);
      return;
    }
    if (message.type === 'snapshot') {
      this.snapshotCount += 1;
      this.slots.clear();
      this.check(message.slots, 0, message.version);
    } else {
      if (message.from !== this.version) this.faults.push(`changes from ${message.from}, not ${this.version}`);
      this.check(message.slots, message.from, message.to);
    }
  }

  private check(slots: (LiveMessage & { type: 'changes' })['slots'], from: number, to: number): void {
    const versions = slots.map(({ version }) => version);
    const expected = Array.from({ length: to - from }, (_, index) => from + 1 + index);
    if (String(versions) !== String(expected)) this.faults.push(`${from} to ${to} had ${versions}`);
    for (const { position, essay_id } of slots) this.slots.set(position, essay_id);
    this.version = to;
  }
}

/** It takes everything until it is closed; `code` says how it was. */
export class LiveSocket extends LiveClient {
  code: number | undefined;
  private readonly socket: WebSocket;

  constructor(
    url: string,
    after: number | null = null,
    options: { origin?: string; headers?: Record<string, string> } = {},
  ) {
    super(after);
    this.socket = new WebSocket(after === null ? url : `${url}?after=${after}`, options);
    this.socket.on('message', (data) => this.take(String(data)));
    this.socket.on('error', (error) => this.faults.push(error.message));
    this.socket.on('close', (code) => {
      this.code = code;
    });
  }

  get extensions(): string {
    return this.socket.extensions;
  }

  cut(): void {
    this.socket.terminate();
  }
}

/** One socket for many batches, each with a client of its own. */
export class ManySocket {
  readonly clients = new Map<string, LiveClient>();
  readonly refusals: LiveRefusal[] = [];
  code: number | undefined;
  private readonly socket: WebSocket;
  readonly opened: Promise<unknown>;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.opened = once(this.socket, 'open');
    this.socket.on('message', (data) => this.take(String(data)));
    this.socket.on('close', (code) => {
      this.code = code;
    });
  }

  watch(batchId: string, after: number | null = null): LiveClient {
    const client = new LiveClient(after);
    this.clients.set(batchId, client);
    this.say({ type: 'watch', batch_id: batchId, after });
    return client;
  }

  say(command: object | string): void {
    this.socket.send(typeof command === 'string' ? command : JSON.stringify(command));
  }

  cut(): void {
    this.socket.terminate();
  }

  private take(text: string): void {
    const message = JSON.parse(text) as LiveMessage | LiveRefusal;
    if (message.type === 'refused') this.refusals.push(message);
    else this.clients.get(message.batch_id)?.take(text);
  }
}
