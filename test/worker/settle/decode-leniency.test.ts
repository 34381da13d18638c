import { DECODE_LIMITS, decodeRecord } from '../../../src/worker/settle/decode.ts';
import {
  altered,
  asRecord,
  contentEvent,
  failureEvent,
  type RecordPlace,
  registrationEvent,
} from '../../support/worker/records.ts';

/** What must not cost anybody an essay: names, messages, correlation, trace context, ids of events. */
function decoded(value: string, place: RecordPlace = {}) {
  const result = decodeRecord(asRecord(value, place), DECODE_LIMITS);
  if (result.kind !== 'input') throw new Error(`not an input: ${JSON.stringify(result)}`);
  return result;
}

function rejection(value: string) {
  const result = decodeRecord(asRecord(value), DECODE_LIMITS);
  if (result.kind !== 'rejected') throw new Error(`not rejected: ${JSON.stringify(result)}`);
  return result;
}

const without = (event: string, field: string): string =>
  altered(event, { envelope: { [field]: undefined }, data: { [field]: undefined } });

describe('a file name', () => {
  test.each<[string, unknown, string]>([
    ['is kept as given', ' Åsa 📝.docx ', ' Åsa 📝.docx '],
    ['loses controls and lone surrogates', 'a\u0000b\u0085c\uD83D', 'a\uFFFDb\uFFFDc\uFFFD'],
    ['is cut to 1000 characters', 'x'.repeat(1001), 'x'.repeat(1000)],
    ['never ends in half a character', `${'x'.repeat(999)}📝`, `${'x'.repeat(999)}\uFFFD`],
    ['is empty when missing', undefined, ''],
    ['is empty when null', null, ''],
    ['is empty when it is no text', { name: 'x' }, ''],
  ])('%s', (_name, given, kept) => {
    for (const event of [contentEvent(), failureEvent()]) {
      const { input } = decoded(altered(event, { data: { original_file_name: given } }));
      expect(input).toHaveProperty('originalFileName', kept);
    }
  });
});

describe('the error of a failure', () => {
  test.each<[string, unknown, string]>([
    ['is kept', 'TEXT_EXTRACTION_FAILED', 'TEXT_EXTRACTION_FAILED'],
    ['may be one that nobody knows yet', 'VIRUS_FOUND', 'VIRUS_FOUND'],
    ['has a name when missing', undefined, 'UNKNOWN_VALIDATION_ERROR'],
    ['has a name when empty', '', 'UNKNOWN_VALIDATION_ERROR'],
    ['has a name when it is no text', 5, 'UNKNOWN_VALIDATION_ERROR'],
  ])('%s', (_name, given, kept) => {
    const { input } = decoded(altered(failureEvent(), { data: { validation_error_code: given } }));
    expect(input).toMatchObject({ kind: 'failure', errorCode: kept });
  });

  test.each<[string, unknown, string]>([
    ['is kept', { message: 'No text.' }, 'No text.'],
    ['is cleaned and cut', { message: `\u0000${'x'.repeat(2000)}` }, `\uFFFD${'x'.repeat(999)}`],
    ['is empty without detail', undefined, ''],
    ['is empty with a detail of another shape', 'No text.', ''],
    ['is empty with a message of another shape', { message: 5 }, ''],
  ])('its message %s', (_name, detail, kept) => {
    const { input } = decoded(altered(failureEvent(), { data: { validation_error_detail: detail } }));
    expect(input).toMatchObject({ kind: 'failure', errorMessage: kept });
  });
});

describe('the correlation id', () => {
  test('is the payload’s before the envelope’s', () => {
    const event = altered(contentEvent(), { envelope: { correlation_id: 'outer' }, data: { correlation_id: 'inner' } });
    expect(decoded(event).input.correlationId).toBe('inner');
  });

  test('is the envelope’s when the payload has none that can be used', () => {
    for (const inner of [undefined, null, 7, '', 'x\u0000']) {
      const event = altered(failureEvent(), { envelope: { correlation_id: 'outer' }, data: { correlation_id: inner } });
      expect(decoded(event).input.correlationId).toBe('outer');
    }
  });

  test('of a registration is the envelope’s', () => {
    const event = altered(registrationEvent(), {
      envelope: { correlation_id: 'outer' },
      data: { correlation_id: 'x' },
    });
    expect(decoded(event).input.correlationId).toBe('outer');
  });

  test('is derived from the event when there is none, the same at every delivery', () => {
    const event = without(contentEvent(), 'correlation_id');
    const derived = decoded(event).input.correlationId;
    expect(derived).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/);
    expect(decoded(event, { offset: 9 }).input.correlationId).toBe(derived);
    const other = without(contentEvent({ eventId: 'another' }), 'correlation_id');
    expect(decoded(other).input.correlationId).not.toBe(derived);
  });
});

describe('the event id', () => {
  test('is the envelope’s', () => {
    expect(decoded(contentEvent({ eventId: 'event-7' })).eventId).toBe('event-7');
  });

  test('is the place of the record when the envelope has none that can be used', () => {
    for (const eventId of [undefined, null, 7, '', ' ', 'x\uD83D', 'x'.repeat(201)]) {
      const event = altered(contentEvent(), { envelope: { event_id: eventId } });
      expect(decoded(event, { topic: 'topic', partition: 2, offset: 41 }).eventId).toBe('topic/2/41');
    }
  });
});

describe('trace context', () => {
  const HEADER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const CARRIED = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
  const carrying = altered(contentEvent(), { envelope: { metadata: { traceparent: CARRIED } } });

  test('comes from the header, else from the envelope, else there is none', () => {
    expect(decoded(carrying, { headers: { traceparent: Buffer.from(HEADER) } }).input.traceparent).toBe(HEADER);
    expect(decoded(carrying).input.traceparent).toBe(CARRIED);
    expect(decoded(contentEvent()).input.traceparent).toBeNull();
  });

  test.each<[string, string]>([
    ['empty', ''],
    ['a text', 'hello'],
    ['upper case', HEADER.toUpperCase()],
    ['version ff', HEADER.replace(/^00/, 'ff')],
    ['trace id zero', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['parent id zero', `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`],
    ['one character more', `${HEADER}0`],
    ['a line feed at the end', `${HEADER.slice(0, -1)}\n`],
  ])('is not taken when wrong: %s', (_name, wrong) => {
    expect(decoded(carrying, { headers: { traceparent: Buffer.from(wrong) } }).input.traceparent).toBe(CARRIED);
    const event = altered(contentEvent(), { envelope: { metadata: { traceparent: wrong } } });
    expect(decoded(event).input.traceparent).toBeNull();
  });

  test('given twice in the headers, or not in UTF-8, is not taken', () => {
    const twice = [Buffer.from(HEADER), Buffer.from(HEADER)];
    expect(decoded(contentEvent(), { headers: { traceparent: twice } }).input.traceparent).toBeNull();
    const garbage = Buffer.alloc(55, 0xff);
    expect(decoded(contentEvent(), { headers: { traceparent: garbage } }).input.traceparent).toBeNull();
  });

  test('brings its state from the same place, and none without a usable parent', () => {
    const state = Buffer.from('rojo=1');
    const ofHeaders = { traceparent: Buffer.from(HEADER), tracestate: state };
    expect(decoded(carrying, { headers: ofHeaders }).input.tracestate).toBe('rojo=1');
    expect(decoded(carrying, { headers: { tracestate: state } }).input).not.toHaveProperty('tracestate');
    expect(decoded(contentEvent(), { headers: { tracestate: state } }).input).not.toHaveProperty('tracestate');
    const both = { traceparent: CARRIED, tracestate: 'congo=2' };
    expect(decoded(altered(contentEvent(), { envelope: { metadata: both } })).input).toMatchObject(both);
  });

  test('is found among a thousand headers, which change nothing else', () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, Buffer.alloc(8, 0xff)]));
    const headers = { ...many, event_type: Buffer.from('another'), traceparent: Buffer.from(HEADER) };
    expect(decoded(contentEvent(), { headers }).input).toEqual({
      ...decoded(contentEvent()).input,
      traceparent: HEADER,
    });
  });
});

describe('what is known of a rejected event', () => {
  const broken = (envelope: object, data: object) => rejection(altered(contentEvent(), { envelope, data }));

  test('is its batch, its correlation and its trace', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
    const envelope = { correlation_id: 'correlation-7', metadata: { traceparent } };
    const { about } = broken(envelope, { entity_id: 'batch-7', file_upload_id: 7 });
    expect(about).toEqual({ batchId: 'batch-7', correlationId: 'correlation-7', traceparent });
  });

  test('is nothing that could not be an id', () => {
    const { about } = broken({ correlation_id: 'a\nb' }, { entity_id: 'Anna\u0000Svensson', file_upload_id: 7 });
    expect(about).toEqual({ batchId: undefined, correlationId: undefined, traceparent: null });
  });
});

describe('the prompt reference of a registration', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['the contract’s', { references: { prompt: { storage_id: 's-1', path: 'a/b' } } }],
    ['another shape', ['x', 1, { y: null }]],
  ])('is kept as given: %s', (_name, given) => {
    const { input } = decoded(altered(registrationEvent(), { data: { student_prompt_ref: given } }));
    expect(input).toHaveProperty('studentPromptRef', given);
  });

  test('is null when missing', () => {
    const { input } = decoded(altered(registrationEvent(), { data: { student_prompt_ref: undefined } }));
    expect(input).toHaveProperty('studentPromptRef', null);
  });

  test('is refused when no database could store it', () => {
    for (const given of ['a\u0000', { a: ['\uD83D'] }, { 'a\u0000': 1 }]) {
      const event = altered(registrationEvent(), { data: { student_prompt_ref: given } });
      expect(rejection(event)).toMatchObject({
        reason: 'invalid_payload',
        detail: 'student_prompt_ref holds text that cannot be stored',
      });
    }
  });
});

describe('the course code', () => {
  test('may be one that nobody knows yet, but not missing or wrong', () => {
    expect(decoded(registrationEvent({ courseCode: 'NEW9' })).input).toMatchObject({ courseCode: 'NEW9' });
    for (const given of [undefined, null, 5, '', 'x\u0000']) {
      const event = altered(registrationEvent(), { data: { course_code: given } });
      expect(rejection(event).reason).toBe('invalid_payload');
    }
  });
});

describe('the detail of a rejection', () => {
  test.each<[string, string, string]>([
    ['a missing field', altered(contentEvent(), { data: { entity_id: undefined } }), 'entity_id is missing'],
    ['a wrong type', altered(contentEvent(), { data: { text_storage_id: 5 } }), 'text_storage_id is not a string'],
    ['a slot', registrationEvent({ essayIds: ['a', 'b', ''] }), 'essay_ids[2] is not an id'],
    ['a slot twice', registrationEvent({ essayIds: ['a', 'a'] }), 'essay_ids holds an id twice'],
    ['a version', altered(contentEvent(), { envelope: { schema_version: 2 } }), 'schema_version is not 1'],
    ['no data', altered(contentEvent(), { envelope: { data: undefined } }), 'data is missing or not an object'],
  ])('names %s', (_name, event, detail) => {
    expect(rejection(event).detail).toBe(detail);
  });

  test('tells the gravest of several faults', () => {
    const event = altered(registrationEvent(), {
      data: { expected_essay_count: 0, user_id: '', course_code: undefined },
    });
    expect(rejection(event)).toMatchObject({ reason: 'invalid_payload', detail: 'course_code is missing' });
  });
});
