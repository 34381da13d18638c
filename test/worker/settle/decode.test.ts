import { TextEncoder } from 'node:util';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { DECODE_LIMITS, type Decoded, decodeRecord } from '../../../src/worker/settle/decode.ts';
import { altered, asRecord, contentEvent, failureEvent, registrationEvent } from '../../support/worker/records.ts';

/** The bad-input catalogue, row by row: what each record must become, with the reason a person will read. */
function decode(value: string | Uint8Array | null): Decoded {
  return decodeRecord(asRecord(value), DECODE_LIMITS);
}

/** One line per outcome, so that tables stay readable. */
function outcome(value: string | Uint8Array | null): string {
  const decoded = decode(value);
  switch (decoded.kind) {
    case 'input':
      return decoded.input.kind;
    case 'ignored':
      return decoded.why;
    case 'rejected':
      return decoded.reason;
  }
}

function inputOf(value: string): Extract<Decoded, { kind: 'input' }>['input'] {
  const decoded = decode(value);
  if (decoded.kind !== 'input') throw new Error(`not an input: ${JSON.stringify(decoded)}`);
  return decoded.input;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const withData = (event: string, data: object): string => altered(event, { data });
const withEnvelope = (event: string, envelope: object): string => altered(event, { envelope });
/** Puts raw JSON text where a field's value was: for what JSON.stringify cannot write. */
const withRaw = (event: string, field: string, raw: string): string =>
  event.replace(new RegExp(`("${field}":)("[^"]*"|[^,}\\]]+)`), `$1${raw}`);

describe('a value that is not an event', () => {
  test.each<[string, string | Uint8Array | null, string]>([
    ['no value', null, 'tombstone'],
    ['no bytes', '', 'tombstone'],
    ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'malformed_json'],
    [
      'a file name in another encoding',
      Buffer.from(contentEvent({ originalFileName: 'Åsa.docx' }), 'latin1'),
      'malformed_json',
    ],
    ['an overlong UTF-8 sequence', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'malformed_json'],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'malformed_json'],
    ['truncated JSON', contentEvent().slice(0, -1), 'malformed_json'],
    ['a byte order mark', `\uFEFF${contentEvent()}`, 'malformed_json'],
    ['NaN', withRaw(contentEvent(), 'file_size_bytes', 'NaN'), 'malformed_json'],
    ['Infinity', withRaw(contentEvent(), 'file_size_bytes', 'Infinity'), 'malformed_json'],
    ['trailing garbage', `${contentEvent()}x`, 'malformed_json'],
    ['two events', contentEvent() + contentEvent(), 'malformed_json'],
    ['only white space', ' \n', 'malformed_json'],
    ['an array at the top', '[]', 'malformed_json'],
    ['a number at the top', '1', 'malformed_json'],
    ['a string at the top', '"text"', 'malformed_json'],
    ['null at the top', 'null', 'malformed_json'],
    ['nesting 200 000 deep', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 'too_deep'],
    ['nesting 200 000 deep and unfinished', '{"a":'.repeat(200_000), 'too_deep'],
    ['an empty object', '{}', 'invalid_envelope'],
  ])('%s', (_name, value, expected) => {
    expect(outcome(value)).toBe(expected);
  });

  test('a value of the largest size passes and one byte more is too large', () => {
    const event = contentEvent();
    const padded = event + ' '.repeat(DECODE_LIMITS.valueBytesMax - bytes(event).length);
    expect(outcome(padded)).toBe('content');
    expect(outcome(`${padded} `)).toBe('too_large');
  });

  test('a registration of the largest batch fits', () => {
    const essayIds = Array.from({ length: DECODE_LIMITS.slotsMax }, (_, i) => `${'0'.repeat(31)}${10_000 + i}`);
    expect(outcome(registrationEvent({ essayIds }))).toBe('registration');
  });

  test('32 levels pass, 33 do not, and brackets within strings are no levels', () => {
    const nested = (levels: number) =>
      withRaw(contentEvent(), 'file_size_bytes', '['.repeat(levels) + ']'.repeat(levels));
    expect(outcome(nested(30))).toBe('content');
    expect(outcome(nested(31))).toBe('too_deep');
    expect(outcome(withRaw(contentEvent(), 'file_size_bytes', `[${'[],{},'.repeat(100)}[]]`))).toBe('content');
    expect(outcome(contentEvent({ originalFileName: `\\"${'['.repeat(100)}\\` }))).toBe('content');
  });
});

describe('the envelope', () => {
  test.each<[string, object, string]>([
    ['event_type missing', { event_type: undefined }, 'invalid_envelope'],
    ['event_type a number', { event_type: 1 }, 'invalid_envelope'],
    ['event_type unknown', { event_type: 'huleedu.something.else.v1' }, 'unknown_event_type'],
    [
      'event_type of another version',
      { event_type: 'huleedu.file.essay.content.provisioned.v2' },
      'unknown_event_type',
    ],
    ['event_type named like a property of every object', { event_type: '__proto__' }, 'unknown_event_type'],
    ['one of our own events', { event_type: EVENT_TYPES.slotAssigned }, 'unknown_event_type'],
    ['unknown event_type without data', { event_type: 'x', data: undefined }, 'unknown_event_type'],
    ['schema_version missing', { schema_version: undefined }, 'content'],
    ['schema_version 1', { schema_version: 1 }, 'content'],
    ['schema_version 0', { schema_version: 0 }, 'unsupported_version'],
    ['schema_version 2', { schema_version: 2 }, 'unsupported_version'],
    ['schema_version 1.5', { schema_version: 1.5 }, 'unsupported_version'],
    ['schema_version "1"', { schema_version: '1' }, 'unsupported_version'],
    ['schema_version null', { schema_version: null }, 'unsupported_version'],
    ['data missing', { data: undefined }, 'invalid_envelope'],
    ['data null', { data: null }, 'invalid_envelope'],
    ['data a list', { data: [] }, 'invalid_envelope'],
    ['data a string', { data: 'x' }, 'invalid_envelope'],
    ['metadata of any kind', { metadata: 17 }, 'content'],
    ['a timestamp in the far future', { event_timestamp: '+275760-09-13T00:00:00Z' }, 'content'],
    ['a timestamp without zone', { event_timestamp: '2025-11-03T09:30:00' }, 'content'],
    ['a negative timestamp', { event_timestamp: -1 }, 'content'],
    ['fields nobody knows', { tenant: 'x', extra: { deep: [1, 2] } }, 'content'],
    ['only what is needed', { event_id: undefined, event_timestamp: undefined, source_service: undefined }, 'content'],
  ])('with %s', (_name, envelope, expected) => {
    expect(outcome(withEnvelope(contentEvent(), envelope))).toBe(expected);
  });

  test('is routed by its event_type whatever the topic of the record', () => {
    const decoded = decodeRecord(asRecord(failureEvent(), { topic: EVENT_TYPES.content }), DECODE_LIMITS);
    expect(decoded).toMatchObject({ kind: 'input', input: { kind: 'failure' } });
  });

  test('is accepted with any key', () => {
    for (const key of [null, '', 'another batch', 'k'.repeat(100_000)]) {
      expect(decodeRecord(asRecord(contentEvent(), { key }), DECODE_LIMITS).kind).toBe('input');
    }
  });

  test('counts the last of two equal keys', () => {
    const twice = contentEvent().replace('"entity_id":"batch-1"', '"entity_id":"A","entity_id":"B"');
    expect(inputOf(twice)).toMatchObject({ batchId: 'B' });
  });

  test('cannot pollute a prototype or pass on a field of its own', () => {
    const poisoned = contentEvent().replace(
      '"data":{',
      '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"data":{"__proto__":{"polluted":1},"toString":1,',
    );
    const input = inputOf(poisoned);
    expect(Object.keys(input).sort()).toEqual(
      [
        'kind',
        'batchId',
        'textStorageId',
        'fileUploadId',
        'originalFileName',
        'correlationId',
        'traceparent',
        'receivedAtMs',
      ].sort(),
    );
    expect(Object.getPrototypeOf(input)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('does not take needed fields from an embedded __proto__', () => {
    const inherited = withEnvelope(contentEvent(), { data: undefined }).replace(
      '{',
      `{"data":{"__proto__":${JSON.stringify((JSON.parse(contentEvent()) as { data: object }).data)}},`,
    );
    expect(outcome(inherited)).toBe('invalid_payload');
  });
});

const HIGH_SURROGATE = '\uD83D';

describe('ids', () => {
  const cases: [string, unknown, 'kept' | 'invalid_id' | 'invalid_payload'][] = [
    ['an ordinary id', '0b9d7f52-6d51-4f0e-9a3c-1f6f3a9b0001', 'kept'],
    ['an upper-case UUID', '0B9D7F52-6D51-4F0E-9A3C-1F6F3A9B0001', 'kept'],
    ['one character', 'x', 'kept'],
    ['200 characters', 'x'.repeat(200), 'kept'],
    ['201 characters', 'x'.repeat(201), 'invalid_id'],
    ['10 000 characters', 'x'.repeat(10_000), 'invalid_id'],
    ['missing', undefined, 'invalid_payload'],
    ['null', null, 'invalid_payload'],
    ['empty', '', 'invalid_id'],
    ['blank', ' ', 'invalid_id'],
    ['a trailing space', 'x ', 'invalid_id'],
    ['a leading no-break space', '\u00A0x', 'invalid_id'],
    ['a space within', 'x y', 'kept'],
    ['NUL', 'x\u0000y', 'invalid_id'],
    ['a tab', 'x\ty', 'invalid_id'],
    ['DEL', 'x\u007Fy', 'invalid_id'],
    ['a C1 control', 'x\u0085y', 'invalid_id'],
    ['right-to-left text', 'מסמך‏', 'kept'],
    ['an emoji', '📝', 'kept'],
    ['a lone high surrogate', `x${HIGH_SURROGATE}`, 'invalid_id'],
    ['a lone low surrogate', '\uDCDDx', 'invalid_id'],
    ['U+FFFD itself', 'x\uFFFD', 'kept'],
    ['a number', 12, 'invalid_id'],
    ['a number beyond 2^53', 2 ** 53 + 2, 'invalid_id'],
    ['a list', ['x'], 'invalid_id'],
    ['an object', { toString: 'x' }, 'invalid_id'],
    ['true', true, 'invalid_id'],
  ];
  const places: [string, string, () => string, string][] = [
    ['batch of a registration', 'entity_id', registrationEvent, 'batchId'],
    ['user of a registration', 'user_id', registrationEvent, 'userId'],
    ['batch of a content', 'entity_id', contentEvent, 'batchId'],
    ['text of a content', 'text_storage_id', contentEvent, 'textStorageId'],
    ['upload of a content', 'file_upload_id', contentEvent, 'fileUploadId'],
    ['batch of a failure', 'entity_id', failureEvent, 'batchId'],
    ['upload of a failure', 'file_upload_id', failureEvent, 'fileUploadId'],
  ];
  const rows = places.flatMap((place) => cases.map((row) => [place[0], ...row, place] as const));

  test.each(rows)('%s, %s', (_place, _name, id, expected, [, field, event, property]) => {
    const value = withData(event(), { [field]: id });
    if (expected === 'kept') expect(inputOf(value)).toHaveProperty(property, id);
    else expect(outcome(value)).toBe(expected);
  });

  test('are compared byte for byte: NFC and NFD are two ids', () => {
    const [composed, decomposed] = ['\u00E5', 'a\u030A'];
    expect(outcome(registrationEvent({ essayIds: [composed, decomposed] }))).toBe('registration');
    expect(inputOf(contentEvent({ batchId: decomposed }))).toMatchObject({ batchId: decomposed });
  });

  test.each<[string, unknown, string]>([
    ['given', 'class-1', 'registration'],
    ['null', null, 'registration'],
    ['missing', undefined, 'registration'],
    ['empty', '', 'invalid_id'],
    ['a number', 7, 'invalid_id'],
  ])('of organisation and class may be missing but not wrong: %s', (_name, id, expected) => {
    expect(outcome(withData(registrationEvent(), { class_id: id }))).toBe(expected);
    expect(outcome(withData(registrationEvent(), { org_id: id }))).toBe(expected);
  });
});

describe('the counts of a registration', () => {
  const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `essay-${i}`);

  test.each<[string, unknown, string]>([
    ['equal to the list', 3, 'registration'],
    ['one less', 2, 'invalid_count'],
    ['one more', 4, 'invalid_count'],
    ['0', 0, 'invalid_count'],
    ['negative', -3, 'invalid_count'],
    ['1.5', 1.5, 'invalid_count'],
    ['a string', '3', 'invalid_count'],
    ['2^31', 2 ** 31, 'invalid_count'],
    ['10 000 001', 10_000_001, 'invalid_count'],
    ['true', true, 'invalid_count'],
    ['missing', undefined, 'invalid_payload'],
    ['null', null, 'invalid_payload'],
  ])('expected_essay_count %s', (_name, count, expected) => {
    expect(outcome(withData(registrationEvent(), { expected_essay_count: count }))).toBe(expected);
  });

  test('an empty batch is no batch', () => {
    expect(outcome(registrationEvent({ essayIds: [] }))).toBe('invalid_count');
  });

  test('a count beyond every number is no count', () => {
    expect(outcome(withRaw(registrationEvent(), 'expected_essay_count', '1e400'))).toBe('invalid_count');
  });

  test.each<[string, unknown, string]>([
    ['missing', undefined, 'invalid_payload'],
    ['null', null, 'invalid_payload'],
    ['a string', 'abc', 'invalid_payload'],
    ['an object with a length', { length: 3 }, 'invalid_payload'],
    ['empty', [], 'invalid_count'],
    ['shorter', ids(2), 'invalid_count'],
    ['longer', ids(4), 'invalid_count'],
    ['with an id twice', ['a', 'b', 'a'], 'invalid_count'],
    ['with a number', ['a', 'b', 3], 'invalid_id'],
    ['with null', ['a', null, 'c'], 'invalid_id'],
    ['with an empty id', ['a', 'b', ''], 'invalid_id'],
    ['with a lone surrogate', ['a', 'b', HIGH_SURROGATE], 'invalid_id'],
  ])('essay_ids %s', (_name, essayIds, expected) => {
    expect(outcome(withData(registrationEvent(), { essay_ids: essayIds }))).toBe(expected);
  });

  test('the largest batch passes and one slot more does not', () => {
    expect(outcome(registrationEvent({ essayIds: ids(10_000) }))).toBe('registration');
    expect(outcome(registrationEvent({ essayIds: ids(10_001) }))).toBe('invalid_count');
    const limits = { ...DECODE_LIMITS, slotsMax: 2 };
    expect(decodeRecord(asRecord(registrationEvent()), limits)).toMatchObject({ reason: 'invalid_count' });
  });

  test('slots keep the order of the registration', () => {
    expect(inputOf(registrationEvent({ essayIds: ['z', 'a', 'm'] }))).toMatchObject({ essayIds: ['z', 'a', 'm'] });
  });
});

describe('what is no object is told apart', () => {
  test.each([
    [`\uFEFF${contentEvent()}`, 'value begins with a byte order mark, which JSON has none of'],
    ['[1,2,3]', 'value is an array, not an object'],
    ['null', 'value is null, not an object'],
    ['17', 'value is a number, not an object'],
    ['hello', 'value is text, not JSON'],
    [
      contentEvent().slice(0, -1),
      `value is JSON that ends in the middle, after ${contentEvent().length - 1} characters`,
    ],
    [
      contentEvent().slice(0, -20),
      `value is JSON that ends in the middle, after ${contentEvent().length - 20} characters`,
    ],
    ['{"a":1,}', expect.stringMatching(/^value is not valid JSON( from character 7 on)?$/)],
  ])('%#', (value, detail) => {
    expect(decode(value)).toMatchObject({ reason: 'malformed_json', detail });
  });
});
