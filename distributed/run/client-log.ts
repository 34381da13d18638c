/**
 * What clients write down: stamped when it comes, on its way to the disk a moment later, because a write for each of
 * thousands of messages a second would be what is measured. What is lost with a process that is killed lacks its end,
 * which is looked at.
 */
import type { ClientNote, ClientRecord } from './client-record.ts';
import type { JsonLinesWriter } from './json-lines.ts';

const WAIT_MS = 100;

export class ClientLog {
  private readonly writer: JsonLinesWriter<ClientRecord>;
  private readonly now: () => { readonly monoMs: number; readonly wallMs: number };
  private waiting: ClientRecord[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(writer: ClientLog['writer'], now: ClientLog['now']) {
    this.writer = writer;
    this.now = now;
  }

  note(client: string, batchId: string, note: ClientNote): void {
    this.waiting.push({ ...this.now(), client, batchId, ...note });
    this.timer ??= setTimeout(() => this.flush(), WAIT_MS);
  }

  /** Idempotent. */
  close(): void {
    this.flush();
    this.writer.close();
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const records = this.waiting;
    this.waiting = [];
    if (records.length > 0) this.writer.append(...records);
  }
}
