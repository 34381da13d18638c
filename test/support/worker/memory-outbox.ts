import type {
  MessagePublisher,
  OutboundMessage,
  OutboxRow,
  OutboxStore,
  ReturnedRow,
} from '../../../src/domain/ports.ts';

interface StoredRow {
  readonly id: string;
  readonly messages: readonly OutboundMessage[];
  attempts: number;
  acknowledged: readonly number[];
  error?: string;
  state: 'leased' | 'due' | 'published' | 'dead';
}

/** The outbox store port over a map. Leases end only when the test says so; a rescheduled row is due at once. */
export class MemoryOutboxStore implements OutboxStore {
  readonly rows = new Map<string, StoredRow>();
  readonly delaysMs: number[] = [];
  readonly markErrors: Error[] = [];
  /** Marks wait for this. */
  door: Promise<void> = Promise.resolve();
  purgedCount = 0;
  statsCount = 0;
  private nextId = 1;

  /** A row as its writer has it after the commit, under its lease. */
  write(messages: readonly OutboundMessage[], state: 'leased' | 'due' = 'leased'): OutboxRow {
    const id = String(this.nextId);
    this.nextId += 1;
    this.rows.set(id, { id, messages, attempts: 0, acknowledged: [], state });
    return { id, messages, attempts: 0, acknowledged: [], heldSinceMs: performance.now() };
  }

  endLeases(): void {
    for (const row of this.rows.values()) if (row.state === 'leased') row.state = 'due';
  }

  countIn(state: StoredRow['state']): number {
    return [...this.rows.values()].filter((row) => row.state === state).length;
  }

  async claimDue(rowsMax: number): Promise<OutboxRow[]> {
    const due = [...this.rows.values()].filter((row) => row.state === 'due').slice(0, rowsMax);
    for (const row of due) row.state = 'leased';
    const heldSinceMs = performance.now();
    return due.map(({ id, messages, attempts, acknowledged }) => ({
      id,
      messages,
      attempts,
      acknowledged,
      heldSinceMs,
    }));
  }

  async markPublished(ids: readonly string[]): Promise<void> {
    await this.door;
    const error = this.markErrors.shift();
    if (error !== undefined) throw error;
    for (const id of ids) this.row(id).state = 'published';
  }

  async reschedule(rows: readonly ReturnedRow[]): Promise<void> {
    await this.door;
    for (const { id, error, delayMs, dead, acknowledged } of rows) {
      this.delaysMs.push(delayMs);
      const row = this.row(id);
      row.attempts += 1;
      row.acknowledged = acknowledged;
      row.error = error;
      row.state = dead ? 'dead' : 'due';
    }
  }

  async purge(rowsMax: number): Promise<number> {
    const old = [...this.rows.values()].filter((row) => row.state === 'published').slice(0, rowsMax);
    for (const { id } of old) this.rows.delete(id);
    this.purgedCount += old.length;
    return old.length;
  }

  async stats() {
    this.statsCount += 1;
    const unpublishedCount = this.countIn('leased') + this.countIn('due');
    const open = [...this.rows.values()].filter(({ state }) => state === 'leased' || state === 'due');
    const unpublishedMessages = open.reduce((sum, row) => sum + row.messages.length - row.acknowledged.length, 0);
    return {
      unpublishedCount,
      unpublishedMessages,
      oldestAgeMs: unpublishedCount * 1000,
      deadCount: this.countIn('dead'),
    };
  }

  private row(id: string): StoredRow {
    const row = this.rows.get(id);
    if (row === undefined) throw new Error(`no row ${id}`);
    return row;
  }
}

/**
 * The publisher port: a destination per topic. Acknowledges all but what the test refuses, and counts what is sent
 * again although it was acknowledged.
 */
export class MemoryPublisher implements MessagePublisher {
  readonly calls: (readonly OutboundMessage[])[] = [];
  readonly acknowledged: OutboundMessage[] = [];
  refuse: (message: OutboundMessage) => Error | null = () => null;
  /** Calls wait for this. */
  door: Promise<void> = Promise.resolve();
  /** Calls for a topic wait for its door. */
  readonly doors = new Map<string, Promise<void>>();
  private readonly busy = new Set<string>();
  overlapCount = 0;

  destinationOf({ topic }: OutboundMessage): string {
    return topic;
  }

  async publish(destination: string, messages: readonly OutboundMessage[]): Promise<(Error | null)[]> {
    this.calls.push(messages);
    if (this.busy.has(destination)) this.overlapCount += 1;
    this.busy.add(destination);
    await (this.doors.get(destination) ?? this.door);
    this.busy.delete(destination);
    return messages.map((message) => {
      const error = this.refuse(message);
      if (error === null) this.acknowledged.push(message);
      return error;
    });
  }

  publishDeadLetters(): Promise<void> {
    return Promise.reject(new Error('not used by the relay'));
  }
}

export function messageOf(key: string, topic = 'pre.t'): OutboundMessage {
  return { topic, key, value: key, headers: {} };
}
