/**
 * From requests to acknowledged records. Guarantees: a write resolves only when Kafka's in-sync replicas have all of it;
 * it is answered within `answerMsMax`, whatever Kafka does; what is held in memory is bounded. Writes of one moment
 * share a produce request: a destination has one under way, and what comes meanwhile goes with the next.
 */
import type { MessagePublisher, OutboundMessage } from '../../domain/ports.ts';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import { settledWithin } from '../../timing/deadline.ts';

const REQUEST_RECORDS_MAX = 500;

export interface RecordWriterOptions {
  readonly publisher: Pick<MessagePublisher, 'destinationOf' | 'publish'>;
  readonly recordsInFlightMax: number;
  readonly bytesInFlightMax: number;
  readonly answerMsMax: number;
}

interface Write {
  readonly messages: readonly OutboundMessage[];
  readonly bytes: number;
  readonly settle: (error: Error | null) => void;
  /** Its caller was told to come again, so it must not be begun any more. */
  isGivenUp: boolean;
}

export class RecordWriter {
  private readonly options: RecordWriterOptions;
  /** A destination is here while it has something to do. */
  private readonly waiting = new Map<string, Write[]>();
  private recordCount = 0;
  private byteCount = 0;

  constructor(options: RecordWriterOptions) {
    this.options = options;
  }

  /** Of which Kafka has acknowledged none yet. */
  get recordsInFlight(): number {
    return this.recordCount;
  }

  /** All of one topic and key. Rejects when not all of it is known to be written; then it may be sent again. */
  async write(messages: readonly OutboundMessage[]): Promise<void> {
    const [first] = messages;
    if (first === undefined) return;
    const bytes = messages.reduce((sum, { value }) => sum + value.length, 0);
    this.admit(messages.length, bytes);
    let settle: Write['settle'] = () => undefined;
    const settled = new Promise<Error | null>((resolve) => {
      settle = resolve;
    });
    const write: Write = { messages, bytes, settle, isGivenUp: false };
    this.enqueue(this.options.publisher.destinationOf(first), write);
    if (!(await settledWithin(settled, this.options.answerMsMax))) {
      write.isGivenUp = true;
      throw new AppError('UNAVAILABLE', 'Kafka did not acknowledge in time');
    }
    const error = await settled;
    if (error !== null) throw asRefusal(error);
  }

  private admit(count: number, bytes: number): void {
    const { recordsInFlightMax, bytesInFlightMax } = this.options;
    const isFull = this.recordCount + count > recordsInFlightMax || this.byteCount + bytes > bytesInFlightMax;
    // What is larger than all there may be still passes alone, or it never would.
    if (isFull && this.recordCount > 0) {
      const message = 'too much waits for Kafka; try again';
      throw new RefusedError({ status: 429, code: 'RATE_LIMITED', message, retryAfterSeconds: 1 });
    }
    this.recordCount += count;
    this.byteCount += bytes;
  }

  private enqueue(destination: string, write: Write): void {
    const queue = this.waiting.get(destination);
    if (queue !== undefined) {
      queue.push(write);
      return;
    }
    this.waiting.set(destination, [write]);
    // After the requests that have come already.
    setImmediate(() => void this.drain(destination));
  }

  private async drain(destination: string): Promise<void> {
    const queue = this.waiting.get(destination) ?? [];
    while (queue.length > 0) {
      const writes = this.take(queue);
      if (writes.length > 0) await this.send(destination, writes);
    }
    this.waiting.delete(destination);
  }

  private take(queue: Write[]): Write[] {
    const writes: Write[] = [];
    let count = 0;
    while (queue[0] !== undefined && (count === 0 || count + queue[0].messages.length <= REQUEST_RECORDS_MAX)) {
      const [write] = queue.splice(0, 1);
      if (write === undefined) break;
      if (write.isGivenUp) {
        this.done(write, null);
        continue;
      }
      count += write.messages.length;
      writes.push(write);
    }
    return writes;
  }

  private async send(destination: string, writes: readonly Write[]): Promise<void> {
    const { publisher } = this.options;
    const messages = writes.flatMap((write) => write.messages);
    const results = await publisher
      .publish(destination, messages)
      .catch((error: unknown) => messages.map(() => (error instanceof Error ? error : new Error(String(error)))));
    let index = 0;
    for (const write of writes) {
      const own = results.slice(index, index + write.messages.length);
      index += write.messages.length;
      const isComplete = own.length === write.messages.length;
      const failure = own.find((result) => result !== null) ?? null;
      this.done(write, isComplete ? failure : new AppError('UNAVAILABLE', 'Kafka did not acknowledge everything'));
    }
  }

  private done(write: Write, error: Error | null): void {
    this.recordCount -= write.messages.length;
    this.byteCount -= write.bytes;
    write.settle(error);
  }
}

function asRefusal(error: Error): Error {
  if (!(error instanceof AppError) || error.code !== 'PUBLISH_REFUSED') return error;
  return new RefusedError({ status: 413, code: 'TOO_LARGE', message: 'Kafka takes no record of this size' });
}
