/**
 * The catalogue of what producers may get wrong in a record, and of what looks wrong but must pass. Every record is a
 * content for batch `lenient` or a registration, bent in one place.
 */
import { randomBytes } from 'node:crypto';
import type { DeadLetterReason } from '../../../src/contract/dead-letter-reasons.ts';
import type { Topics } from '../../../src/contract/topics.ts';
import type { SentRecord } from '../servers/topic-tail.ts';
import type { WireInputs } from './wire-inputs.ts';

export type Fate = DeadLetterReason | 'ignored' | 'assigned';
export type NamedRecord = readonly [name: string, fate: Fate, record: SentRecord];

type Json = Record<string, unknown>;
const DEPTH = 200_000;
/** Very many, one given twice, one that is no text, one without a name, two with names that objects have already. */
const ODD_HEADERS: NonNullable<SentRecord['headers']> = {
  ...Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`header-${index}`, `${index}`])),
  traceparent: ['a', 'b'],
  event_id: randomBytes(8),
  '': 'x',
  constructor: 'y',
  ['__proto__']: 'z',
};

export function badRecords(topics: Topics, inputs: WireInputs): NamedRecord[] {
  const topic = topics.content;
  const valid = inputs.content('lenient', 'never').value;
  const value = (name: string, fate: Fate, bytes: Buffer | string | null): NamedRecord => [
    name,
    fate,
    { topic, key: name, value: bytes, headers: { origin: name } },
  ];
  const envelope = (name: string, fate: Fate, change: Json) =>
    value(name, fate, JSON.stringify({ ...JSON.parse(valid), ...change }));
  const data = (name: string, fate: Fate, change: Json) =>
    envelope(name, fate, { data: { ...JSON.parse(valid).data, ...change } });
  return [
    value('tombstone', 'ignored', null),
    value('empty', 'ignored', Buffer.alloc(0)),
    value('blank', 'malformed_json', ' '),
    value(
      'not UTF-8',
      'malformed_json',
      Buffer.concat([Buffer.from(valid.slice(0, -2)), Buffer.from([0xc3, 0x28, 0x7d])]),
    ),
    value('UTF-16', 'malformed_json', Buffer.from(valid, 'utf16le')),
    value('cut off', 'malformed_json', valid.slice(0, -9)),
    value('byte order mark', 'malformed_json', `\uFEFF${valid}`),
    value('NaN', 'malformed_json', valid.replace('2048', 'NaN')),
    value('Infinity', 'malformed_json', valid.replace('2048', '-Infinity')),
    value('trailing garbage', 'malformed_json', `${valid}}`),
    value('array', 'malformed_json', `[${valid}]`),
    value('number', 'malformed_json', '1'),
    value('null', 'malformed_json', 'null'),
    value('random bytes', 'malformed_json', randomBytes(2_000)),
    value('200 000 levels', 'too_deep', `{"data":${'['.repeat(DEPTH / 2)}${']'.repeat(DEPTH / 2)}}`),
    value('33 levels', 'too_deep', valid.replace('null', `${'{"a":'.repeat(32)}1${'}'.repeat(32)}`)),
    [
      'odd headers',
      'malformed_json',
      { topic, key: 'odd headers', value: '{', headers: { origin: 'odd headers', ...ODD_HEADERS } },
    ],
    value('300 KB', 'too_large', valid.replace('null', `"${'x'.repeat(300_000)}"`)),
    value('a megabyte that does not compress', 'too_large', randomBytes(1_048_000)),
    envelope('no event type', 'invalid_envelope', { event_type: undefined }),
    envelope('numeric event type', 'invalid_envelope', { event_type: 7 }),
    envelope('unknown event type', 'ignored', { event_type: 'huleedu.something.else.v1' }),
    envelope('no data', 'invalid_envelope', { data: undefined }),
    envelope('list as data', 'invalid_envelope', { data: [] }),
    ...[0, 2, '1', 1.5, null].map((version) =>
      envelope(`version ${JSON.stringify(version)}`, 'unsupported_version', { schema_version: version }),
    ),
    data('no text id', 'invalid_payload', { text_storage_id: undefined }),
    data('null upload', 'invalid_payload', { file_upload_id: null }),
    ...Object.entries({
      empty: '',
      blank: '  ',
      'trailing space': 'x ',
      '201 characters': 'x'.repeat(201),
      '10 000 characters': 'x'.repeat(10_000),
      NUL: 'a\u0000b',
      control: 'a\u0001b',
      'line feed': 'a\nb',
      'lone surrogate': 'a\ud800b',
      numeric: 17,
      object: { toString: 1 },
    }).flatMap(([name, id]) => [
      data(`${name} text id`, 'invalid_id', { text_storage_id: id }),
      data(`${name} batch id`, 'invalid_id', { entity_id: id }),
    ]),
    ...badRegistrations(topics, inputs),
  ];
}

function badRegistrations(topics: Topics, inputs: WireInputs): NamedRecord[] {
  const valid = inputs.registration('refused', 2).value;
  const registration = (name: string, fate: Fate, change: Json, edit = (text: string) => text): NamedRecord => {
    const envelope = JSON.parse(valid);
    const text = JSON.stringify({ ...envelope, data: { ...envelope.data, ...change } });
    return [name, fate, { topic: topics.registration, key: name, value: edit(text), headers: { origin: name } }];
  };
  const count = (text: string) => (json: string) =>
    json.replace('"expected_essay_count":2', `"expected_essay_count":${text}`);
  return [
    ...['0', '-1', '1.5', '"2"', '2147483648', '1e400', '10000001', '3'].map((text) =>
      registration(`count ${text}`, 'invalid_count', {}, count(text)),
    ),
    registration('no slots', 'invalid_count', { essay_ids: [], expected_essay_count: 0 }),
    registration('a slot twice', 'invalid_count', { essay_ids: ['a', 'a'] }),
    registration('10 001 slots', 'invalid_count', {
      essay_ids: Array.from({ length: 10_001 }, (_, index) => `s${index}`),
      expected_essay_count: 10_001,
    }),
    registration('slots as text', 'invalid_payload', { essay_ids: 'a,b' }),
    registration('numeric slot', 'invalid_id', { essay_ids: ['a', 5] }),
    registration('NUL in the prompt', 'invalid_payload', { student_prompt_ref: { references: 'a\u0000b' } }),
  ];
}

/** What must take a slot of batch `lenient`, however odd it looks. */
export function oddRecords(topics: Topics, inputs: WireInputs): NamedRecord[] {
  const odd = (name: string, record: Partial<SentRecord> = {}, textId = name): NamedRecord => {
    const { value } = inputs.content('lenient', textId);
    return [name, 'assigned', { topic: topics.content, key: name, value, ...record }];
  };
  const bent = (name: string, change: (envelope: Json & { data: Json }) => void) => {
    const envelope = JSON.parse(inputs.content('lenient', name).value);
    change(envelope);
    return odd(name, { value: JSON.stringify(envelope) });
  };
  const text = (name: string) => inputs.content('lenient', name).value;
  return [
    odd('no key', { key: null }),
    odd('empty key', { key: '' }),
    odd('huge key', { key: 'k'.repeat(20_000) }),
    odd('key of random bytes', { key: randomBytes(16) }),
    odd('odd headers', { headers: ODD_HEADERS }),
    odd('wrong traceparent', { headers: { traceparent: '00-zz' } }),
    ...['\u{1F600}', '\u05E2\u05D1', 'caf\u00E9', 'cafe\u0301', 'x'.repeat(200), 'A'.repeat(36), 'a'.repeat(36)].map(
      (id) => odd(`id ${id}`.slice(0, 50), {}, id),
    ),
    odd('__proto__', { value: text('__proto__').replace('{', '{"__proto__":{"event_type":"x"},') }),
    odd('constructor', {
      value: text('constructor').replace('"data":{', '"data":{"constructor":{"prototype":{"x":1}},'),
    }),
    odd('a key twice', {
      value: text('a key twice').replace('"text_storage_id"', '"text_storage_id":"first","text_storage_id"'),
    }),
    bent('no version', (envelope) => delete envelope['schema_version']),
    bent('no event id', (envelope) => delete envelope['event_id']),
    bent('event id of another kind', (envelope) => Object.assign(envelope, { event_id: 5, correlation_id: {} })),
    bent(
      'unknown fields',
      (envelope) => Object.assign(envelope, { later: 1 }) && Object.assign(envelope.data, { later: [] }),
    ),
    bent('unusable file name', ({ data }) => Object.assign(data, { original_file_name: 'a\u0000b\ud800' })),
    bent('no file name', ({ data }) => delete data['original_file_name']),
    bent(
      'times of no calendar',
      (envelope) =>
        Object.assign(envelope, { event_timestamp: '9999-99-99' }) && Object.assign(envelope.data, { timestamp: -5 }),
    ),
    bent('250 KB', ({ data }) => Object.assign(data, { later: 'x'.repeat(250_000) })),
    ['in another topic', 'assigned', { ...inputs.content('lenient', 'in another topic'), topic: topics.failure }],
  ];
}
