/** A group of records while it is resolved: what each of them is, and what it has come to so far. */

import type { DeadLetterReason } from '../../contract/dead-letter-reasons.ts';
import type { Registration, SlotInput } from '../../domain/inputs.ts';
import type { DeadLetter, InboundRecord } from '../../domain/ports.ts';
import { Resolutions } from './resolution.ts';

/** An input of the group that the use cases have to settle. */
export interface Work<T> {
  /** Of its record in the group. */
  readonly index: number;
  readonly eventId: string;
  readonly input: T;
}

/** A record that is to be set aside. */
export interface Rejection {
  readonly index: number;
  readonly letter: DeadLetter;
  readonly about: InputIdentity | undefined;
}

/** What is known of an input besides where its record lies in Kafka. */
export interface InputIdentity {
  readonly batchId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent: string | null;
}

/** The records of one call, sorted by what has to be done about them. */
export class Group {
  readonly resolutions: Resolutions;
  readonly registrations: Work<Registration>[] = [];
  readonly slotInputs: Work<SlotInput>[] = [];
  readonly rejections: Rejection[] = [];

  constructor(records: readonly InboundRecord[]) {
    this.resolutions = new Resolutions(records);
  }

  reject(index: number, reason: DeadLetterReason, detail: string, about: InputIdentity | undefined): void {
    const letter = { record: this.resolutions.recordAt(index), reason, detail, attempts: 1 };
    this.rejections.push({ index, letter, about });
  }
}
