/** The topics as an AsyncAPI 3 document, their payloads made from the schemas of the contract. */
import type { z } from 'zod';
import { DEAD_LETTER_REASONS } from '../../src/contract/dead-letter-reasons.ts';
import { type InboundLimits, inboundSchemas } from '../../src/contract/inbound.ts';
import { type JsonSchema, jsonSchema } from '../../src/contract/json-schema.ts';
import {
  completedEvent,
  excessEvent,
  outboundHeaders,
  slotAssignedEvent,
} from '../../src/contract/outbound-schemas.ts';
import { deadLetterTopic, EVENT_TYPES, type EventName, INBOUND, OUTBOUND } from '../../src/contract/topics.ts';
import { EXAMPLES } from './examples.ts';

const TEXT_FOR_PEOPLE = ['original_file_name', 'validation_error_code', 'message'];

interface Words {
  readonly title: string;
  readonly summary: string;
  readonly key: string;
}

const WORDS: Readonly<Record<EventName, Words>> = {
  registration: {
    title: 'Batch registered',
    summary: 'A batch and the ids of its essays, which are its slots.',
    key: 'Any. Keying by batch id lets one batch meet one worker.',
  },
  content: {
    title: 'Content provisioned',
    summary: 'A stored text that wants a slot of its batch.',
    key: 'Any; the file service keys by upload. Keying by batch id is fastest.',
  },
  failure: {
    title: 'Validation failed',
    summary: 'A file that did not validate; burns an open slot of its batch.',
    key: 'Any; the file service keys by upload. Keying by batch id is fastest.',
  },
  slotAssigned: { title: 'Slot assigned', summary: 'A content took a slot.', key: 'Essay id.' },
  excess: { title: 'Excess content', summary: 'A content came to a full batch.', key: 'Batch id.' },
  completed: {
    title: 'Provisioning completed',
    summary: 'The batch has no open slot left; lists exactly the filled slots.',
    key: 'Batch id.',
  },
};

export function asyncApi(version: string, limits: InboundLimits) {
  const names = [...INBOUND, ...OUTBOUND];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Essay Lifecycle Service',
      version,
      description: [
        'Addresses are behind TOPIC_PREFIX where a deployment has one; event_type never is.',
        'Consumed events are routed by event_type, whatever topic and key they come with; unknown fields are accepted.',
        'Published events come at least once: copies have the same event_id and the same bytes.',
      ].join(' '),
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries([
      ...names.map((name) => [name, channel(EVENT_TYPES[name], WORDS[name].summary, name)]),
      ...INBOUND.map((name) => [
        `${name}DeadLetters`,
        channel(deadLetterTopic(EVENT_TYPES[name]), `Records of ${EVENT_TYPES[name]} set aside.`, 'deadLetter'),
      ]),
    ]),
    operations: Object.fromEntries([
      ...INBOUND.map((name) => operation('receive', name, name)),
      ...OUTBOUND.map((name) => operation('send', name, name)),
      ...INBOUND.map((name) => operation('send', `${name}DeadLetters`, 'deadLetter')),
    ]),
    components: { schemas: namedSchemas(limits), messages: { ...messages(), deadLetter: deadLetter() } },
  };
}

function channel(address: string, description: string, message: string) {
  return { address, description, messages: { [message]: { $ref: `#/components/messages/${message}` } } };
}

function operation(action: 'send' | 'receive', channelName: string, message: string): [string, unknown] {
  const of = `#/channels/${channelName}`;
  return [
    `${action}${channelName.charAt(0).toUpperCase()}${channelName.slice(1)}`,
    { action, channel: { $ref: of }, messages: [{ $ref: `${of}/messages/${message}` }] },
  ];
}

/** Each event whole, by itself. */
export function eventSchemas(limits: InboundLimits): Readonly<Record<EventName, JsonSchema>> {
  const inbound = inboundSchemas(limits);
  const refine = (schema: JsonSchema, property: string) => refineInbound(schema, property, limits);
  const envelope = jsonSchema(inbound.envelope, 'input', refine);
  const consumed = (name: 'registration' | 'content' | 'failure') =>
    enveloped(envelope, name, jsonSchema(inbound[name], 'input', refine));
  const published = (schema: z.ZodType) => jsonSchema(schema, 'output', nameParts);
  return {
    registration: consumed('registration'),
    content: consumed('content'),
    failure: consumed('failure'),
    slotAssigned: published(slotAssignedEvent),
    excess: published(excessEvent),
    completed: published(completedEvent),
  };
}

/** As generators of code need it: the envelope and the data of each event under names of their own. */
function namedSchemas(limits: InboundLimits): Readonly<Record<string, JsonSchema>> {
  const named = Object.entries(eventSchemas(limits)).flatMap(([name, schema]) => {
    const { properties, ...rest } = schema as { properties: JsonSchema };
    const [event, data] = [schemaName(name, 'Event'), schemaName(name, 'Data')];
    return [
      [event, { title: event, ...rest, properties: { ...properties, data: { $ref: `#/components/schemas/${data}` } } }],
      [data, { title: data, ...(properties['data'] as JsonSchema) }],
    ];
  });
  return Object.fromEntries(named);
}

function schemaName(name: string, part: 'Event' | 'Data'): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}${part}`;
}

function messages() {
  const headers = jsonSchema(outboundHeaders, 'output');
  const entries = [...INBOUND, ...OUTBOUND].map((name) => {
    const isPublished = OUTBOUND.includes(name);
    return [name, { ...message(name), ...(isPublished && { headers }) }] as const;
  });
  return Object.fromEntries(entries) as Record<EventName, ReturnType<typeof message> & { headers?: JsonSchema }>;
}

function message(name: EventName) {
  const { title, summary, key } = WORDS[name];
  const { value, headers } = EXAMPLES[name];
  return {
    name: EVENT_TYPES[name],
    title,
    summary,
    contentType: 'application/json',
    correlationId: { location: '$message.payload#/correlation_id' },
    payload: { $ref: `#/components/schemas/${schemaName(name, 'Event')}` },
    bindings: { kafka: { key: { type: 'string', description: key }, bindingVersion: '0.5.0' } },
    examples: [{ name: `${name}Example`, ...(OUTBOUND.includes(name) && { headers }), payload: JSON.parse(value) }],
  };
}

/** Objects within an event: a generator of code would number what has no name. */
function nameParts(schema: JsonSchema, property: string): void {
  if (property === 'metadata') schema['title'] = 'TraceMetadata';
  const items = schema['items'] as JsonSchema | undefined;
  if (property === 'essays_for_processing' && items !== undefined) items['title'] = 'ProvisionedEssay';
}

/** The envelope with the type and the data of one event. */
function enveloped(envelope: JsonSchema, name: EventName, data: JsonSchema): JsonSchema {
  const properties = { ...(envelope['properties'] as JsonSchema), event_type: { const: EVENT_TYPES[name] }, data };
  return { ...envelope, properties, required: ['event_type', 'data'] };
}

/** What the parser checks by functions, which no schema language sees. */
function refineInbound(schema: JsonSchema, property: string, { idLengthMax, slotsMax }: InboundLimits): void {
  const id = { minLength: 1, maxLength: idLengthMax };
  if (property === 'essay_ids') {
    const description = `As many as expected_essay_count says, at most ${slotsMax}; each is a slot.`;
    const items = { type: 'string', ...id };
    Object.assign(schema, { type: 'array', items, minItems: 1, maxItems: slotsMax, uniqueItems: true, description });
  } else if (property === 'expected_essay_count') {
    Object.assign(schema, { type: 'integer', minimum: 1, maximum: slotsMax });
  } else if (TEXT_FOR_PEOPLE.includes(property)) {
    Object.assign(schema, { type: 'string', description: 'For people: cleaned and cut, never refused.' });
  } else if (property === 'traceparent' || property === 'tracestate') {
    Object.assign(schema, { type: 'string', description: 'W3C trace context; the record headers of this name win.' });
  } else if (property === 'student_prompt_ref') {
    Object.assign(schema, { description: 'Any JSON; part of what makes two registrations the same.' });
  } else if (property.endsWith('_id') || property === 'course_code') {
    Object.assign(schema, id);
    if (property === 'event_id' || property === 'correlation_id') schema['description'] = 'Replaced if not usable.';
  }
}

function deadLetter() {
  const text = (description: string) => ({ type: 'string', description });
  const header = {
    'dlq-reason': { ...text('Why it was set aside. Further reasons may come.'), examples: [...DEAD_LETTER_REASONS] },
    'dlq-detail': text('What is wrong, without quoting the payload.'),
    'dlq-topic': text('Topic it came from.'),
    'dlq-partition': text('Partition there.'),
    'dlq-offset': text('Offset there.'),
    'dlq-attempts': text('Attempts before.'),
    'dlq-first-seen': { type: 'string', format: 'date-time' },
    'dlq-instance': text('Who set it aside.'),
  };
  return {
    name: 'dead-letter',
    title: 'Dead letter',
    summary:
      'A record set aside: its own key, bytes and headers, and the reason in further headers. A record with the header ' +
      'dlq-replayed and no value is none: it notes which letters were sent again.',
    contentType: 'application/octet-stream',
    headers: { type: 'object', properties: header, required: Object.keys(header) },
    payload: { description: 'The bytes as they came.' },
    bindings: { kafka: { key: text('That of the record.'), bindingVersion: '0.5.0' } },
  };
}
