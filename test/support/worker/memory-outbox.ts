import type { MessagePublisher, OutboundMessage, OutboxRow, OutboxStore } from '../../../src/domain/ports.ts';

interface StoredRow {
  readonly id: string;
  readonly messages: readonly OutboundMessage[];
  attempts: number;
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
  private nextId = 1;

  /** A row as its writer has it after the commit, under its lease. */
  write(messages: readonly OutboundMessage[], state: 'leased' | 'due' = 'leased'): OutboxRow {
    const id = String(this.nextId);
    this.nextId += 1;
    this.rows.set(id, { id, messages, attempts: 0, state });
    return { id, messages, attempts: 0 };
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
    return due.map(({ id, messages, attempts }) => ({ id, messages, attempts }));
  }

  async markPublished(ids: readonly string[]): Promise<void> {
    await this.door;
    const error = this.markErrors.shift();
    if (error !== undefined) throw error;
    for (const id of ids) this.row(id).state = 'published';
  }

  async reschedule(rows: readonly { id: string; error: string; delayMs: number; dead: boolean }[]): Promise<void> {
    await this.door;
    for (const { id, delayMs, dead } of rows) {
      this.delaysMs.push(delayMs);
      const row = this.row(id);
      row.attempts += 1;
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
    const unpublishedCount = this.countIn('leased') + this.countIn('due');
    return { unpublishedCount, oldestAgeMs: unpublishedCount * 1000, deadCount: this.countIn('dead') };
  }

  private row(id: string): StoredRow {
    const row = this.rows.get(id);
    if (row === undefined) throw new Error(`no row ${id}`);
    return row;
  }
}

/** The publisher port: acknowledges all but what the test refuses. */
export class MemoryPublisher implements MessagePublisher {
  readonly calls: (readonly OutboundMessage[])[] = [];
  readonly acknowledged: OutboundMessage[] = [];
  refuse: (message: OutboundMessage) => Error | null = () => null;
  /** Calls wait for this. */
  door: Promise<void> = Promise.resolve();

  async publish(messages: readonly OutboundMessage[]): Promise<(Error | null)[]> {
    this.calls.push(messages);
    await this.door;
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
