/** Inputs as their producers write them, with everything a test does not care about filled in. */
import {
  contentMessage,
  failureMessage,
  type RegistrationMessageFields,
  registrationMessage,
} from '../../../src/contract/inbound-messages.ts';
import type { WireMessage } from '../../../src/contract/message.ts';
import type { Topics } from '../../../src/contract/topics.ts';

export class WireInputs {
  constructor(private readonly topics: Topics) {}

  /** `registration('b', 3)` has the slots b-e0, b-e1, b-e2. */
  registration(batchId: string, slotCount: number, fields: Partial<RegistrationMessageFields> = {}): WireMessage {
    return registrationMessage({
      ...this.shared(batchId, `registration of ${batchId}`),
      essayIds: Array.from({ length: slotCount }, (_, position) => `${batchId}-e${position}`),
      courseCode: 'ENG5',
      userId: 'teacher',
      orgId: null,
      classId: null,
      ...fields,
    });
  }

  /** `content('b', 'x')` is text x of upload x. */
  content(batchId: string, textStorageId: string, eventId = `content ${batchId} ${textStorageId}`): WireMessage {
    return contentMessage({
      ...this.shared(batchId, eventId),
      textStorageId,
      fileUploadId: textStorageId,
      originalFileName: `${textStorageId}.docx`,
    });
  }

  contents(batchId: string, count: number, prefix = `${batchId}-t`): WireMessage[] {
    return Array.from({ length: count }, (_, index) => this.content(batchId, `${prefix}${index}`));
  }

  failure(batchId: string, fileUploadId: string): WireMessage {
    return failureMessage({
      ...this.shared(batchId, `failure ${batchId} ${fileUploadId}`),
      fileUploadId,
      originalFileName: `${fileUploadId}.docx`,
      errorCode: 'EMPTY_CONTENT',
    });
  }

  private shared(batchId: string, eventId: string) {
    return {
      topics: this.topics,
      eventId,
      batchId,
      correlationId: `of ${eventId}`,
      occurredAtMs: Date.UTC(2026, 0, 2),
    };
  }
}
