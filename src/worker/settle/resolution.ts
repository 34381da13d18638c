/**
 * What a record came to. `resolved`: its disposition is committed in the database, or its dead letter is acknowledged.
 * `retry`: its partition must wait and offer it again; its offset stays. `parked`: it waits until its batch is free, and
 * nothing else waits for it. `awaited`: what it comes to is not known yet, and the rest of its group need not wait.
 */
import type { Disposition } from '../../domain/inputs.ts';
import type { InboundRecord } from '../../domain/ports.ts';
import { answerAt } from './answers.ts';

export type Resolution =
  | { readonly kind: 'resolved'; readonly disposition: Disposition }
  | { readonly kind: 'retry'; readonly error: Error }
  | { readonly kind: 'parked'; readonly batchId: string };

export type Answered = Resolution | { readonly kind: 'awaited'; readonly resolution: Promise<Resolution> };

/** The records of one group and what each has come to so far. A record is named by its index in the group. */
export class Resolutions {
  readonly records: readonly InboundRecord[];
  private readonly byIndex: (Answered | undefined)[];

  constructor(records: readonly InboundRecord[]) {
    this.records = records;
    this.byIndex = new Array<Answered | undefined>(records.length).fill(undefined);
  }

  recordAt(index: number): InboundRecord {
    return answerAt(this.records, index);
  }

  resolve(index: number, disposition: Disposition): void {
    this.byIndex[index] = { kind: 'resolved', disposition };
  }

  retry(index: number, error: Error): void {
    this.byIndex[index] = { kind: 'retry', error };
  }

  park(index: number, batchId: string): void {
    this.byIndex[index] = { kind: 'parked', batchId };
  }

  await(index: number, resolution: Promise<Resolution>): void {
    this.byIndex[index] = { kind: 'awaited', resolution };
  }

  /** The disposition of a record that is resolved. */
  dispositionAt(index: number): Disposition | undefined {
    const resolution = this.byIndex[index];
    return resolution?.kind === 'resolved' ? resolution.disposition : undefined;
  }

  /** Parallel to the records. Throws when a record was forgotten: its offset must not be committed. */
  all(): Answered[] {
    return this.records.map((_, index) => {
      const resolution = this.byIndex[index];
      if (resolution === undefined) throw new Error(`Record ${index + 1} of ${this.records.length} came to nothing.`);
      return resolution;
    });
  }
}
