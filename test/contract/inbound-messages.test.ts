import { contentMessage, failureMessage, registrationMessage } from '../../src/contract/inbound-messages.ts';
import { topicsFor } from '../../src/contract/topics.ts';

const COMMON = {
  topics: topicsFor('t.'),
  eventId: 'event-1',
  batchId: 'batch-1',
  correlationId: 'correlation-1',
  occurredAtMs: Date.UTC(2025, 10, 3),
};
const UPLOAD = { fileUploadId: 'upload-1', originalFileName: 'Essay 1.docx' };
const registration = {
  ...COMMON,
  essayIds: ['a', 'b'],
  courseCode: 'SV1',
  userId: 'user-1',
  orgId: null,
  classId: null,
};
const content = { ...COMMON, ...UPLOAD, textStorageId: 'text-1' };
const failure = { ...COMMON, ...UPLOAD, errorCode: 'CONTENT_TOO_SHORT' };

test('a registration is keyed by its batch, files are keyed by their upload, as their producers do', () => {
  expect(registrationMessage(registration)).toMatchObject({
    topic: 't.huleedu.batch.essays.registered.v1',
    key: 'batch-1',
  });
  expect(contentMessage(content)).toMatchObject({
    topic: 't.huleedu.file.essay.content.provisioned.v1',
    key: 'upload-1',
  });
  expect(failureMessage(failure)).toMatchObject({
    topic: 't.huleedu.file.essay.validation.failed.v1',
    key: 'upload-1',
  });
});

test('another key can be asked for', () => {
  expect(contentMessage({ ...content, key: 'batch-1' }).key).toBe('batch-1');
});

test('only trace context travels in headers, and only when there is one', () => {
  expect(contentMessage(content).headers).toEqual({});
  expect(contentMessage({ ...content, traceparent: 'tp' }).headers).toEqual({ traceparent: 'tp' });
});

test.each([
  ['registration', registrationMessage(registration), 'batch-service', 'huleedu.batch.essays.registered.v1'],
  ['content', contentMessage(content), 'file-service', 'huleedu.file.essay.content.provisioned.v1'],
  ['failure', failureMessage(failure), 'file-service', 'huleedu.file.essay.validation.failed.v1'],
])('the envelope of a %s has the contract’s fields and a type without the prefix', (_name, message, source, type) => {
  expect(JSON.parse(message.value)).toEqual({
    event_id: 'event-1',
    event_type: type,
    event_timestamp: '2025-11-03T00:00:00.000Z',
    source_service: source,
    schema_version: 1,
    correlation_id: 'correlation-1',
    data_schema_uri: null,
    data: expect.objectContaining({ entity_id: 'batch-1' }),
    metadata: null,
  });
});
