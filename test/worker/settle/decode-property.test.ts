import fc from 'fast-check';
import { contentMessage, failureMessage, registrationMessage } from '../../../src/contract/inbound-messages.ts';
import { EVENT_TYPES, topicsFor } from '../../../src/contract/topics.ts';
import { DECODE_LIMITS, type Decoded, decodeRecord } from '../../../src/worker/settle/decode.ts';
import { asRecord } from '../../support/worker/records.ts';

/** Whatever bytes arrive, decoding ends in one outcome, and what passes is safe to compare and to store. */
const SECRET = 'Kalle-Anka-42';

/** Any UTF-16 units, lone surrogates and controls included. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));
const usableId = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((id) => id.trim() === id && !/[\p{Cc}\p{Cs}]/u.test(id) && id.length <= 200);
const anyJson = fc.jsonValue({ maxDepth: 3 });
const nearlyId = fc.oneof({ weight: 6, arbitrary: usableId }, anyText, anyJson, fc.constant(SECRET));
const missingOr = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 12 });

const nearlyEvent = fc.record(
  {
    event_id: nearlyId,
    event_type: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(EVENT_TYPES.registration, EVENT_TYPES.content, EVENT_TYPES.failure) },
      anyJson,
    ),
    schema_version: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, anyJson),
    correlation_id: nearlyId,
    metadata: anyJson,
    data: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record(
          {
            entity_id: missingOr(nearlyId),
            file_upload_id: nearlyId,
            text_storage_id: nearlyId,
            user_id: nearlyId,
            course_code: nearlyId,
            essay_ids: fc.oneof(
              { weight: 6, arbitrary: fc.uniqueArray(usableId, { minLength: 2, maxLength: 2 }) },
              fc.array(nearlyId),
            ),
            expected_essay_count: fc.oneof({ weight: 6, arbitrary: fc.constant(2) }, anyJson, fc.double()),
            original_file_name: anyText,
            validation_error_detail: anyJson,
            student_prompt_ref: anyJson,
            ['__proto__']: anyJson,
          },
          {
            requiredKeys: [
              'entity_id',
              'file_upload_id',
              'text_storage_id',
              'user_id',
              'course_code',
              'essay_ids',
              'expected_essay_count',
            ],
          },
        ),
      },
      anyJson,
    ),
  },
  { requiredKeys: ['event_type', 'data'] },
);

function textsOf(decoded: Decoded): string[] {
  if (decoded.kind !== 'input') return [];
  const input = decoded.input;
  const shared = [decoded.eventId, input.batchId, input.correlationId];
  switch (input.kind) {
    case 'registration':
      return [
        ...shared,
        ...input.essayIds,
        input.courseCode,
        input.userId,
        input.orgId ?? 'none',
        input.classId ?? 'none',
      ];
    case 'content':
      return [...shared, input.textStorageId, input.fileUploadId];
    case 'failure':
      return [...shared, input.fileUploadId, input.errorCode];
  }
}

function expectSafe(decoded: Decoded): void {
  expect(['input', 'ignored', 'rejected']).toContain(decoded.kind);
  for (const text of textsOf(decoded)) {
    expect(text.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThanOrEqual(200);
    // A store that speaks UTF-8 gives back the very same id; PostgreSQL takes everything but NUL.
    expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text);
    expect(text).not.toContain('\u0000');
  }
  if (decoded.kind === 'input' && decoded.input.kind !== 'registration') {
    const name = decoded.input.originalFileName;
    expect(Buffer.from(name, 'utf8').toString('utf8')).toBe(name);
    expect(name).not.toContain('\u0000');
  }
  if (decoded.kind === 'rejected') expect(decoded.detail).not.toContain(SECRET);
}

test('arbitrary bytes have one outcome', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectSafe(decodeRecord(asRecord(bytes), DECODE_LIMITS))),
    { numRuns: 10_000 },
  );
});

test('arbitrary JSON has one outcome', () => {
  fc.assert(
    fc.property(fc.json(), (json) => expectSafe(decodeRecord(asRecord(json), DECODE_LIMITS))),
    { numRuns: 5_000 },
  );
});

test('a valid event with a few bytes changed has one outcome', () => {
  const value = Buffer.from(
    JSON.stringify({
      event_type: EVENT_TYPES.content,
      data: { entity_id: 'b', file_upload_id: 'u', text_storage_id: 't' },
    }),
  );
  const change = fc.tuple(fc.nat(value.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const changed = Uint8Array.from(value);
      for (const [index, byte] of changes) changed[index] = byte;
      expectSafe(decodeRecord(asRecord(changed), DECODE_LIMITS));
    }),
    { numRuns: 5_000 },
  );
});

test('an event with some fields wrong has one outcome, and every kind of outcome occurs', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(nearlyEvent, (event) => {
      const decoded = decodeRecord(asRecord(JSON.stringify(event)), DECODE_LIMITS);
      const name =
        decoded.kind === 'input' ? decoded.input.kind : decoded.kind === 'ignored' ? decoded.why : decoded.reason;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      expectSafe(decoded);
    }),
    { numRuns: 5_000 },
  );
  expect([...seen.keys()].sort()).toEqual(
    [
      'registration',
      'content',
      'failure',
      'unknown_event_type',
      'invalid_envelope',
      'unsupported_version',
      'invalid_payload',
      'invalid_id',
      'invalid_count',
    ].sort(),
  );
});

describe('a valid event round-trips', () => {
  const shared = {
    topics: fc.constant(topicsFor('any.')),
    eventId: usableId,
    batchId: usableId,
    correlationId: usableId,
    occurredAtMs: fc.integer({ min: 0, max: 4e12 }),
  };
  const fileName = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((name) => !/[\p{Cc}\p{Cs}]/u.test(name));

  test('registration', () => {
    const fields = fc.record({
      ...shared,
      essayIds: fc.uniqueArray(usableId, { minLength: 1, maxLength: 20 }),
      courseCode: usableId,
      userId: usableId,
      orgId: fc.option(usableId),
      classId: fc.option(usableId),
    });
    fc.assert(
      fc.property(fields, (given) => {
        const { eventId, batchId, essayIds, courseCode, userId, orgId, classId, correlationId } = given;
        expect(decodeRecord(asRecord(registrationMessage(given).value), DECODE_LIMITS)).toEqual({
          kind: 'input',
          eventId,
          input: {
            kind: 'registration',
            batchId,
            essayIds,
            courseCode,
            userId,
            orgId,
            classId,
            studentPromptRef: null,
            correlationId,
            traceparent: null,
          },
        });
      }),
    );
  });

  test('content', () => {
    const fields = fc.record({
      ...shared,
      textStorageId: usableId,
      fileUploadId: usableId,
      originalFileName: fileName,
    });
    fc.assert(
      fc.property(fields, (given) => {
        const { eventId, batchId, textStorageId, fileUploadId, originalFileName, correlationId } = given;
        expect(decodeRecord(asRecord(contentMessage(given).value), DECODE_LIMITS)).toEqual({
          kind: 'input',
          eventId,
          input: {
            kind: 'content',
            batchId,
            textStorageId,
            fileUploadId,
            originalFileName,
            correlationId,
            traceparent: null,
          },
        });
      }),
    );
  });

  test('failure', () => {
    const fields = fc.record({ ...shared, fileUploadId: usableId, originalFileName: fileName, errorCode: usableId });
    fc.assert(
      fc.property(fields, (given) => {
        const { eventId, batchId, fileUploadId, originalFileName, errorCode, correlationId } = given;
        expect(decodeRecord(asRecord(failureMessage(given).value), DECODE_LIMITS)).toEqual({
          kind: 'input',
          eventId,
          input: {
            kind: 'failure',
            batchId,
            fileUploadId,
            originalFileName,
            errorCode,
            errorMessage: `File did not validate: ${errorCode}`,
            correlationId,
            traceparent: null,
          },
        });
      }),
    );
  });
});
