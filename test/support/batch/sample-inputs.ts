/** Inputs as the decoder hands them over, with everything a test does not care about filled in. */
import type { Content, Failure, Registration } from '../../../src/domain/inputs.ts';

/** `registration('b', 3)` has the slots b-e0, b-e1, b-e2. */
export function registration(batchId: string, slotCount: number, fields: Partial<Registration> = {}): Registration {
  return {
    kind: 'registration',
    batchId,
    essayIds: Array.from({ length: slotCount }, (_, position) => `${batchId}-e${position}`),
    courseCode: 'ENG5',
    userId: 'teacher',
    orgId: null,
    classId: null,
    studentPromptRef: null,
    correlationId: `registration of ${batchId}`,
    traceparent: null,
    ...fields,
  };
}

/** `content('b', 'x')` is text x of upload x. */
export function content(batchId: string, textStorageId: string, fields: Partial<Content> = {}): Content {
  return {
    kind: 'content',
    batchId,
    textStorageId,
    fileUploadId: textStorageId,
    originalFileName: `${textStorageId}.docx`,
    correlationId: `content ${textStorageId}`,
    traceparent: null,
    ...fields,
  };
}

export function contents(batchId: string, count: number, prefix = 't'): Content[] {
  return Array.from({ length: count }, (_, index) => content(batchId, `${prefix}${index}`));
}

export function failure(batchId: string, fileUploadId: string, fields: Partial<Failure> = {}): Failure {
  return {
    kind: 'failure',
    batchId,
    fileUploadId,
    originalFileName: `${fileUploadId}.docx`,
    errorCode: 'EMPTY_CONTENT',
    errorMessage: 'nothing in it',
    correlationId: `failure of ${fileUploadId}`,
    traceparent: null,
    ...fields,
  };
}
