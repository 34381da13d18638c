import fc from 'fast-check';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../src/contract/outbound.ts';
import {
  completedEvent,
  excessEvent,
  outboundHeaders,
  slotAssignedEvent,
} from '../../src/contract/outbound-schemas.ts';
import { EVENT_TYPES, topicsFor } from '../../src/contract/topics.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const COMMON = {
  topics: topicsFor('staging.'),
  batchId: 'batch-1',
  correlationId: 'correlation-1',
  traceparent: TRACEPARENT,
  occurredAtMs: Date.UTC(2025, 10, 3, 9, 30),
};
const SLOT_ASSIGNED = {
  ...COMMON,
  essayId: 'essay-1',
  fileUploadId: 'upload-1',
  textStorageId: 'text-1',
  originalFileName: 'Essay 1.docx',
};
const EXCESS = { ...COMMON, textStorageId: 'text-9', originalFileName: 'Essay 9.docx' };
const COMPLETED = {
  ...COMMON,
  expectedCount: 3,
  courseCode: 'ENG5',
  userId: 'user-1',
  essays: [
    { essayId: 'essay-2', textStorageId: 'text-2' },
    { essayId: 'essay-1', textStorageId: 'text-1' },
  ],
};

test('a slot assigned event has exactly the fields of the contract', () => {
  const message = slotAssignedMessage(SLOT_ASSIGNED);
  expect({ ...message, value: JSON.parse(message.value) }).toEqual({
    topic: 'staging.huleedu.els.essay.slot.assigned.v1',
    key: 'essay-1',
    value: {
      event_id: '22a43d07-6034-5e19-a08f-6a5951ad2fcd',
      event_type: 'huleedu.els.essay.slot.assigned.v1',
      event_timestamp: '2025-11-03T09:30:00.000Z',
      source_service: 'essay-lifecycle-service',
      schema_version: 1,
      correlation_id: 'correlation-1',
      data_schema_uri: null,
      data: {
        event: 'essay.slot.assigned',
        batch_id: 'batch-1',
        essay_id: 'essay-1',
        file_upload_id: 'upload-1',
        text_storage_id: 'text-1',
        original_file_name: 'Essay 1.docx',
        correlation_id: 'correlation-1',
        timestamp: '2025-11-03T09:30:00.000Z',
      },
      metadata: { traceparent: TRACEPARENT },
    },
    headers: {
      event_id: '22a43d07-6034-5e19-a08f-6a5951ad2fcd',
      event_type: 'huleedu.els.essay.slot.assigned.v1',
      trace_id: 'correlation-1',
      source_service: 'essay-lifecycle-service',
      schema_version: '1',
      occurred_at: '2025-11-03T09:30:00.000Z',
      content_type: 'application/json',
      traceparent: TRACEPARENT,
    },
  });
});

test('an excess event is keyed by its batch and says why', () => {
  const message = excessMessage(EXCESS);
  expect(message.topic).toBe('staging.huleedu.els.excess.content.provisioned.v1');
  expect(message.key).toBe('batch-1');
  expect(excessEvent.parse(JSON.parse(message.value)).data).toEqual({
    event: 'excess.content.provisioned',
    batch_id: 'batch-1',
    original_file_name: 'Essay 9.docx',
    text_storage_id: 'text-9',
    reason: 'NO_AVAILABLE_SLOT',
    correlation_id: 'correlation-1',
    timestamp: '2025-11-03T09:30:00.000Z',
  });
});

test('a completion lists the filled slots in the order given and counts the failed ones as expected', () => {
  const message = completedMessage(COMPLETED);
  expect(message.topic).toBe('staging.huleedu.batch.content.provisioning.completed.v1');
  expect(message.key).toBe('batch-1');
  expect(completedEvent.parse(JSON.parse(message.value)).data).toEqual({
    event: 'batch.content.provisioning.completed',
    batch_id: 'batch-1',
    provisioned_count: 2,
    expected_count: 3,
    course_code: 'ENG5',
    user_id: 'user-1',
    essays_for_processing: [
      { essay_id: 'essay-2', text_storage_id: 'text-2', spellcheck_metrics: null },
      { essay_id: 'essay-1', text_storage_id: 'text-1', spellcheck_metrics: null },
    ],
    correlation_id: 'correlation-1',
    timestamp: '2025-11-03T09:30:00.000Z',
  });
});

test('a batch in which every file failed completes with an empty list', () => {
  const event = completedEvent.parse(JSON.parse(completedMessage({ ...COMPLETED, essays: [] }).value));
  expect(event.data).toMatchObject({ provisioned_count: 0, expected_count: 3, essays_for_processing: [] });
});

test('without trace context there is no metadata and no header of it', () => {
  const message = excessMessage({ ...EXCESS, traceparent: null });
  expect(JSON.parse(message.value)).toHaveProperty('metadata', null);
  expect(message.headers).not.toHaveProperty('traceparent');
});

describe('the id of an event', () => {
  const idOf = (message: { value: string }): string => (JSON.parse(message.value) as { event_id: string }).event_id;

  test('does not depend on when, where or on whose behalf the event was built', () => {
    const later = { topics: topicsFor(''), occurredAtMs: 0, correlationId: 'another', traceparent: null };
    expect(idOf(slotAssignedMessage({ ...SLOT_ASSIGNED, ...later }))).toBe(idOf(slotAssignedMessage(SLOT_ASSIGNED)));
    expect(idOf(excessMessage({ ...EXCESS, ...later }))).toBe(idOf(excessMessage(EXCESS)));
    expect(idOf(completedMessage({ ...COMPLETED, ...later, essays: [] }))).toBe(idOf(completedMessage(COMPLETED)));
  });

  test('differs by batch, by content and by kind of event', () => {
    const ids = ['batch-1', 'batch-2'].flatMap((batchId) => [
      idOf(completedMessage({ ...COMPLETED, batchId })),
      ...['text-1', 'text-2'].flatMap((textStorageId) => [
        idOf(slotAssignedMessage({ ...SLOT_ASSIGNED, batchId, textStorageId })),
        idOf(excessMessage({ ...EXCESS, batchId, textStorageId })),
      ]),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('whatever valid arguments come', () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  const common = {
    topics: fc.constant(topicsFor('p.')),
    batchId: id,
    correlationId: id,
    traceparent: fc.option(fc.constant(TRACEPARENT)),
    occurredAtMs: fc.integer({ min: 0, max: 4e12 }),
  };

  test('events and headers fit their schemas, agree with each other and are the same bytes when built again', () => {
    const cases = fc.oneof(
      fc
        .record({ ...common, essayId: id, fileUploadId: id, textStorageId: id, originalFileName: fc.string() })
        .map((fields) => ({
          type: EVENT_TYPES.slotAssigned,
          schema: slotAssignedEvent,
          build: () => slotAssignedMessage(fields),
        })),
      fc
        .record({ ...common, textStorageId: id, originalFileName: fc.string() })
        .map((fields) => ({ type: EVENT_TYPES.excess, schema: excessEvent, build: () => excessMessage(fields) })),
      fc
        .record({
          ...common,
          expectedCount: fc.integer({ min: 1, max: 10_000 }),
          courseCode: id,
          userId: id,
          essays: fc.array(fc.record({ essayId: id, textStorageId: id }), { maxLength: 5 }),
        })
        .map((fields) => ({
          type: EVENT_TYPES.completed,
          schema: completedEvent,
          build: () => completedMessage(fields),
        })),
    );
    fc.assert(
      fc.property(cases, ({ type, schema, build }) => {
        const message = build();
        const event = schema.parse(JSON.parse(message.value));
        const headers = outboundHeaders.parse(message.headers);
        expect(message.topic).toBe(`p.${type}`);
        expect(headers).toMatchObject({
          event_id: event.event_id,
          event_type: type,
          trace_id: event.correlation_id,
          occurred_at: event.event_timestamp,
        });
        expect(event.event_type).toBe(type);
        expect(event.data).toMatchObject({ correlation_id: event.correlation_id, timestamp: event.event_timestamp });
        expect(headers.traceparent).toBe(event.metadata?.traceparent);
        expect(build()).toEqual(message);
      }),
      { numRuns: 500 },
    );
  });
});

test('the schemas refuse a field too many, a field too few and a foreign event', () => {
  const event = JSON.parse(excessMessage(EXCESS).value) as { data: Record<string, unknown> };
  const { reason: _, ...dataWithoutReason } = event.data;
  expect(excessEvent.safeParse(event).success).toBe(true);
  expect(excessEvent.safeParse({ ...event, extra: 1 }).success).toBe(false);
  expect(excessEvent.safeParse({ ...event, data: { ...event.data, extra: 1 } }).success).toBe(false);
  expect(excessEvent.safeParse({ ...event, data: dataWithoutReason }).success).toBe(false);
  expect(completedEvent.safeParse(event).success).toBe(false);
});
