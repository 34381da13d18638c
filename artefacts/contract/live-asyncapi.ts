/** The WebSockets of a gateway as an AsyncAPI 3 document, their messages made from the schemas of the contract. */

import { jsonSchema } from '../../src/contract/json-schema.ts';
import { liveCommand, liveMessage, liveRefusal } from '../../src/contract/live.ts';

const MESSAGES = {
  progress: { title: 'Progress', summary: 'A snapshot, changes from version to version, or completion.' },
  refused: { title: 'Refused', summary: 'Why a batch is not watched; other batches go on.' },
  command: { title: 'Command', summary: 'Which batch is watched from which version on, or no more.' },
} as const;

const PAYLOADS = {
  progress: jsonSchema(liveMessage, 'output'),
  refused: jsonSchema(liveRefusal, 'output'),
  command: jsonSchema(liveCommand, 'input'),
};

type MessageName = keyof typeof MESSAGES;

export function liveAsyncApi(version: string) {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Essay Lifecycle Service: live progress',
      version,
      description: [
        'Messages of one batch come in order and without a gap: changes begin where the last message of it ended.',
        'Whoever comes back names the version it has (`after`), to any gateway, and gets what it missed.',
        'With GATEWAY_AUTH=jwt a connection shows a bearer token, or a ticket of POST /v1/live/tickets.',
        'Closed with 1012: come back; 1013: it did not drain, come back; 1008: it did not speak this; 4401: its token ended.',
      ].join(' '),
    },
    defaultContentType: 'application/json',
    servers: { gateway: { host: 'localhost:3000', protocol: 'ws' } },
    channels: {
      oneBatch: {
        address: '/v1/batches/{batch_id}/live',
        description: 'One batch; its client says nothing.',
        parameters: { batch_id: { description: 'Id of the batch.' } },
        messages: references(['progress']),
        bindings: { ws: { query: query({ after: { type: 'integer', minimum: 0 } }), bindingVersion: '0.1.0' } },
      },
      manyBatches: {
        address: '/v1/live',
        description: 'As many batches as its client names.',
        messages: references(['progress', 'refused', 'command']),
        bindings: { ws: { query: query({}), bindingVersion: '0.1.0' } },
      },
    },
    operations: {
      sendProgress: operation('send', 'oneBatch', ['progress']),
      sendMany: operation('send', 'manyBatches', ['progress', 'refused']),
      receiveCommand: operation('receive', 'manyBatches', ['command']),
    },
    components: {
      messages: Object.fromEntries(
        Object.entries(MESSAGES).map(([name, words]) => {
          return [name, { name, ...words, payload: PAYLOADS[name as MessageName] }];
        }),
      ),
    },
  };
}

function query(properties: object) {
  return { type: 'object', properties: { ...properties, ticket: { type: 'string' } } };
}

function references(names: readonly MessageName[]) {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action: 'send' | 'receive', channel: string, names: readonly MessageName[]) {
  const of = `#/channels/${channel}`;
  return { action, channel: { $ref: of }, messages: names.map((name) => ({ $ref: `${of}/messages/${name}` })) };
}
