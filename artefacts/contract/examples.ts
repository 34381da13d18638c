/** One example of each message, built as programs of ours build it, so that none can be out of date. */
import { contentMessage, failureMessage, registrationMessage } from '../../src/contract/inbound-messages.ts';
import type { WireMessage } from '../../src/contract/message.ts';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../src/contract/outbound.ts';
import { type EventName, topicsFor } from '../../src/contract/topics.ts';

const COMMON = {
  topics: topicsFor(''),
  batchId: 'batch-7f3a',
  correlationId: 'd4f5e6a7-1b2c-4d3e-8f90-a1b2c3d4e5f6',
  occurredAtMs: Date.UTC(2026, 0, 31, 8),
};
const CONTENT = { textStorageId: 'text-1', fileUploadId: 'upload-1', originalFileName: 'one.txt' };
const BATCH = { courseCode: 'ENG5', userId: 'teacher-1' };
const inbound = (last: number) => ({ ...COMMON, eventId: `0b2b6a3e-8d0f-4a53-9c5e-0c3f3b2a1d1${last}` });
const outbound = { ...COMMON, traceparent: null };

export const EXAMPLES: Readonly<Record<EventName, WireMessage>> = {
  registration: registrationMessage({
    ...inbound(0),
    ...BATCH,
    orgId: null,
    classId: null,
    essayIds: ['essay-1', 'essay-2'],
  }),
  content: contentMessage({ ...inbound(1), ...CONTENT }),
  failure: failureMessage({
    ...inbound(2),
    fileUploadId: 'upload-2',
    originalFileName: 'two.docx',
    errorCode: 'EMPTY_CONTENT',
  }),
  slotAssigned: slotAssignedMessage({ ...outbound, ...CONTENT, essayId: 'essay-1' }),
  excess: excessMessage({ ...outbound, ...CONTENT, textStorageId: 'text-3' }),
  completed: completedMessage({
    ...outbound,
    ...BATCH,
    expectedCount: 2,
    essays: [{ essayId: 'essay-1', textStorageId: 'text-1' }],
  }),
};
