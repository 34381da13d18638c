import type { DeadLetterReason } from '../../../src/contract/dead-letter-reasons.ts';
import type { InboundRecord } from '../../../src/domain/ports.ts';
import type { IntakeDeps } from '../../../src/worker/intake/intake-options.ts';
import type { Resolution } from '../../../src/worker/settle/resolution.ts';
import { unavailable } from './memory-record-source.ts';

type Handler = IntakeDeps['handler'];

const RESOLVED: Resolution = { kind: 'resolved', disposition: 'assigned' };

export function nameOf(record: { topic: string; partition: number; offset: number }): string {
  return `${record.topic}/${record.partition}/${record.offset}`;
}

/** In the place of HandleGroup: doing what the test says and remembering what it was given. */
export class ScriptedHandler implements Handler {
  readonly groups: (readonly InboundRecord[])[] = [];
  readonly setAsideRecords: { record: InboundRecord; reason: DeadLetterReason; attempts: number }[] = [];
  readonly resolved: string[] = [];
  inFlightCount = 0;
  inFlightCountMax = 0;
  /** Before a group is answered; by default at once. */
  delay: (records: readonly InboundRecord[]) => Promise<void> = () => Promise.resolve();
  /** Which records must be tried again. */
  retries: (record: InboundRecord) => boolean = () => false;

  async handle(records: readonly InboundRecord[]): Promise<Resolution[]> {
    this.groups.push(records);
    this.inFlightCount += 1;
    this.inFlightCountMax = Math.max(this.inFlightCountMax, this.inFlightCount);
    try {
      await this.delay(records);
      return records.map((record) => {
        if (this.retries(record)) return { kind: 'retry', error: unavailable() };
        this.resolved.push(nameOf(record));
        return RESOLVED;
      });
    } finally {
      this.inFlightCount -= 1;
    }
  }

  setAside(record: InboundRecord, reason: DeadLetterReason, _detail: string, attempts: number): Promise<Resolution> {
    this.setAsideRecords.push({ record, reason, attempts });
    this.resolved.push(nameOf(record));
    return Promise.resolve({ kind: 'resolved', disposition: 'rejected' });
  }
}
