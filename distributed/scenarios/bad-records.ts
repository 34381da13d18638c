/**
 * The catalogue of bad records: what no well-behaved producer sends, each with what must become of it. Pure; the same
 * seed gives the same bytes. A record carries the name of its row as a header, which a dead letter keeps.
 */
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { seededUuid } from '../generator/seeded-random.ts';
import type { RawHeaders, RawInput } from '../generator/sendable.ts';

const DEPTH = 50_000;

export const ROW_HEADER = 'harness-row';

/** `accepted` gets its place, `ignored` leaves no trace, anything else is the reason of a dead letter. */
export type Fate = 'accepted' | 'ignored' | DeadReason;

export type DeadReason =
  | 'malformed_json'
  | 'too_deep'
  | 'too_large'
  | 'invalid_envelope'
  | 'unsupported_version'
  | 'invalid_payload'
  | 'invalid_id'
  | 'invalid_count';

export interface BadRow {
  readonly name: string;
  readonly fate: Fate;
  readonly topic: RawInput['topic'];
  readonly value: (maker: RecordMaker) => string | Buffer | null;
  readonly key?: string | Buffer | null;
  readonly headers?: RawHeaders;
}

/** Larger than what a worker of the scenario accepts, smaller than what a broker accepts. */
export const VALUE_BYTES_MAX = 262_144;

/** Builds sound records with ids of their own, for rows to spoil. */
export class RecordMaker {
  readonly batchId: string;
  private readonly seed: number;
  private readonly index: number;

  constructor(seed: number, index: number, batchId: string) {
    this.seed = seed;
    this.index = index;
    this.batchId = batchId;
  }

  id(kind: 'text' | 'upload' | 'event' | 'essay' | 'batch', at = 0): string {
    return seededUuid({ seed: this.seed, kind, batchIndex: 0x4000_0000 + this.index, index: at, copy: 0 });
  }

  content(data: Record<string, unknown> = {}, envelope: Record<string, unknown> = {}): string {
    return this.event('content', { ...this.contentData(), ...data }, envelope);
  }

  contentData(): Record<string, unknown> {
    return {
      event: 'essay.content.provisioned',
      entity_id: this.batchId,
      file_upload_id: this.id('upload'),
      text_storage_id: this.id('text'),
      original_file_name: `odd-${this.index}.docx`,
    };
  }

  registration(data: Record<string, unknown>): string {
    const sound = {
      entity_id: this.id('batch'),
      expected_essay_count: 2,
      essay_ids: [this.id('essay', 0), this.id('essay', 1)],
      course_code: 'ENG5',
      user_id: 'user-1',
    };
    return this.event('registration', { ...sound, ...data }, {});
  }

  event(type: keyof typeof EVENT_TYPES, data: unknown, envelope: Record<string, unknown>): string {
    const event = { event_id: this.id('event'), event_type: EVENT_TYPES[type], schema_version: 1, data };
    return JSON.stringify({ ...event, ...envelope });
  }
}

const malformed = (name: string, value: BadRow['value']): BadRow => ({
  name: `not JSON: ${name}`,
  fate: 'malformed_json',
  topic: 'content',
  value,
});

const content = (name: string, fate: Fate, value: BadRow['value'], rest: Partial<BadRow> = {}): BadRow => ({
  name,
  fate,
  topic: 'content',
  value,
  ...rest,
});

const badId = (name: string, text: unknown): BadRow =>
  content(`id: ${name}`, 'invalid_id', (maker) => maker.content({ text_storage_id: text }));

const oddId = (name: string, prefix: string): BadRow =>
  content(`id: ${name}`, 'accepted', (maker) => maker.content({ text_storage_id: `${prefix}${maker.id('text')}` }));

const version = (name: string, schemaVersion: unknown): BadRow =>
  content(`schema_version: ${name}`, 'unsupported_version', (maker) =>
    maker.content({}, { schema_version: schemaVersion }),
  );

const count = (name: string, data: (maker: RecordMaker) => Record<string, unknown>): BadRow => ({
  name: `count: ${name}`,
  fate: 'invalid_count',
  topic: 'registration',
  value: (maker) => maker.registration(data(maker)),
});

export const BAD_ROWS: readonly BadRow[] = [
  content('tombstone', 'ignored', () => null),
  content('empty value', 'ignored', () => ''),
  content('unknown event type', 'ignored', (maker) => maker.content({}, { event_type: 'huleedu.something.else.v1' })),
  content('empty key', 'accepted', (maker) => maker.content(), { key: '' }),
  content('no key', 'accepted', (maker) => maker.content(), { key: null }),
  content('huge key', 'accepted', (maker) => maker.content(), { key: 'k'.repeat(20_000) }),
  content('key that is not UTF-8', 'accepted', (maker) => maker.content(), { key: Buffer.from([0xff, 0xfe, 0x00]) }),
  malformed('not UTF-8', () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
  malformed('truncated', (maker) => maker.content().slice(0, 60)),
  malformed('byte order mark', (maker) => `\ufeff${maker.content()}`),
  malformed('NaN', (maker) => maker.content().replace('"schema_version":1', '"schema_version":NaN')),
  malformed('Infinity', (maker) => maker.content().replace('"schema_version":1', '"schema_version":-Infinity')),
  malformed('trailing garbage', (maker) => `${maker.content()}]`),
  malformed('array', (maker) => `[${maker.content()}]`),
  malformed('number', () => '17'),
  malformed('null', () => 'null'),
  malformed('text', () => 'hello'),
  content('a key twice in an object', 'accepted', (maker) =>
    maker.content().replace('"entity_id":', '"entity_id":"somebody-else","entity_id":'),
  ),
  content('__proto__ and constructor', 'accepted', (maker) =>
    maker.content().replace('"entity_id":', '"__proto__":{"entity_id":"x"},"constructor":{"prototype":1},"entity_id":'),
  ),
  content('50 000 levels deep', 'too_deep', () => `{"data":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`),
  content('33 levels deep', 'too_deep', () => `{"data":${'['.repeat(32)}${']'.repeat(32)}}`),
  content('larger than allowed', 'too_large', () => `x${'y'.repeat(VALUE_BYTES_MAX)}`),
  version('0', 0),
  version('2', 2),
  version('text', '1'),
  version('1.5', 1.5),
  version('null', null),
  content('schema_version missing', 'accepted', (maker) => maker.content({}, { schema_version: undefined })),
  content('event_type missing', 'invalid_envelope', (maker) => maker.content({}, { event_type: undefined })),
  content('event_type a number', 'invalid_envelope', (maker) => maker.content({}, { event_type: 7 })),
  content('data missing', 'invalid_envelope', (maker) => maker.event('content', undefined, {})),
  content('data a text', 'invalid_envelope', (maker) => maker.event('content', 'data', {})),
  content('a field missing', 'invalid_payload', (maker) => maker.content({ file_upload_id: undefined })),
  content('1 000 headers', 'accepted', (maker) => maker.content(), { headers: manyHeaders() }),
  content('headers that are not UTF-8', 'accepted', (maker) => maker.content(), {
    headers: { traceparent: Buffer.from([0xff, 0xff]), 'x-odd': Buffer.from([0xc0]) },
  }),
  content('a header twice', 'accepted', (maker) => maker.content(), { headers: { traceparent: ['a', 'b'] } }),
  badId('empty', ''),
  badId('blank', '   '),
  badId('10 000 characters', 'i'.repeat(10_000)),
  badId('NUL', 'a\u0000b'),
  badId('control character', 'a\u0007b'),
  badId('lone surrogate', 'a\ud800b'),
  badId('a number', 12_345),
  badId('trailing space', 'id '),
  content('id: lone surrogate of a batch', 'invalid_id', (maker) => maker.content({ entity_id: '\udc00' })),
  oddId('right to left', '\u05d0\u05d1'),
  oddId('emoji', '\u{1f600}'),
  oddId('composed', '\u00e9'),
  oddId('decomposed', 'e\u0301'),
  oddId('SQL', "'); DROP TABLE slots; --"),
  content('id: upper-case UUID', 'accepted', (maker) =>
    maker.content({ text_storage_id: maker.id('text').toUpperCase() }),
  ),
  count('0', () => ({ expected_essay_count: 0, essay_ids: [] })),
  count('negative', () => ({ expected_essay_count: -1 })),
  count('1.5', () => ({ expected_essay_count: 1.5 })),
  count('text', () => ({ expected_essay_count: '2' })),
  count('2^31', () => ({ expected_essay_count: 2 ** 31 })),
  count('not the length of the list', () => ({ expected_essay_count: 3 })),
  count('an id twice', (maker) => ({ essay_ids: [maker.id('essay'), maker.id('essay')] })),
  {
    name: 'count: 1e400',
    fate: 'invalid_count',
    topic: 'registration',
    value: (maker) => maker.registration({}).replace('"expected_essay_count":2', '"expected_essay_count":1e400'),
  },
  content('content of an unknown batch', 'accepted', (maker) => maker.content({ entity_id: maker.id('batch') })),
  content('timestamp in the year 9999', 'accepted', (maker) =>
    maker.content({ timestamp: '9999-12-31T23:59:59Z' }, { event_timestamp: '9999-12-31T23:59:59Z' }),
  ),
  content('timestamp that is none', 'accepted', (maker) =>
    maker.content({ timestamp: -1 }, { event_timestamp: 'now' }),
  ),
];

/** Every row `copies` times, and one malformed record again and again. */
export function badInputs(options: { seed: number; copies: number; floodSize: number; batchId: string }): RawInput[] {
  const inputs: RawInput[] = [];
  const add = (row: BadRow) => {
    const maker = new RecordMaker(options.seed, inputs.length, options.batchId);
    inputs.push({
      kind: 'raw',
      dueMs: 0,
      batchId: options.batchId,
      topic: row.topic,
      key: row.key === undefined ? `row-${inputs.length}` : row.key,
      value: row.value(maker),
      headers: { ...row.headers, [ROW_HEADER]: row.name },
      makesCompletable: false,
    });
  };
  for (let copy = 0; copy < options.copies; copy++) BAD_ROWS.forEach(add);
  for (let copy = 0; copy < options.floodSize; copy++) add(FLOOD);
  return inputs;
}

export const FLOOD: BadRow = {
  name: 'the same malformed record again and again',
  fate: 'malformed_json',
  topic: 'content',
  value: () => '{"event_type":',
};

/** How many of the rows take a slot of the batch they are sent for. */
export function acceptedRows(): number {
  return BAD_ROWS.filter(({ name, fate }) => fate === 'accepted' && name !== 'content of an unknown batch').length;
}

function manyHeaders(): RawHeaders {
  return Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x-${index}`, 'v']));
}
