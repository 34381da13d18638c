import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import asyncApiSchemas from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { asyncApi } from '../../../artefacts/contract/asyncapi.ts';
import { contractDocuments } from '../../../artefacts/contract/documents.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { contentMessage, failureMessage, registrationMessage } from '../../../src/contract/inbound-messages.ts';
import type { WireMessage } from '../../../src/contract/message.ts';
import { openApi } from '../../../src/contract/openapi/openapi.ts';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../../src/contract/outbound.ts';
import { deadLetterTopic, EVENT_TYPES, type EventName, INBOUND, topicsFor } from '../../../src/contract/topics.ts';
import { AppError } from '../../../src/errors.ts';
import type { HealthProbe } from '../../../src/http/health.ts';
import { createHttpServer } from '../../../src/http/server.ts';
import { VERSION } from '../../../src/version.ts';
import { DECODE_LIMITS } from '../../../src/worker/settle/decode.ts';
import { httpServerDeps } from '../../support/http-server.ts';

const root = projectRoot();
const documents = contractDocuments(root);

function validatorOf(schema: object, definitions: object = {}): ValidateFunction {
  const isTime = (text: string) => !Number.isNaN(Date.parse(text));
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const ajv = new Ajv2020({ strict: false, formats: { 'date-time': isTime, uuid } });
  return ajv.compile({ ...definitions, ...schema });
}

test.each(documents)('$file is the generated one (else run `pnpm docs:generate`)', ({ file, text }) => {
  const isCurrent = readFileSync(join(root, file), 'utf8') === text;
  expect(isCurrent ? '' : `${file} is out of date, run: pnpm docs:generate`).toBe('');
});

const yamlDocuments = documents.filter(({ file }) => file.endsWith('.yaml'));

test.each(yamlDocuments)('$file refers only to what it holds', ({ content }) => {
  const references = [...JSON.stringify(content).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
  expect(references.length).toBeGreaterThan(10);
  const step = (at: unknown, name: string) => (at as Record<string, unknown> | undefined)?.[name];
  const follow = (path: string) => path.split('/').reduce(step, content);
  expect(references.filter((path) => follow(path) === undefined)).toEqual([]);
});

describe('the specifications', () => {
  // Its schema brings the meta-schema of its own dialect.
  const options = { strict: false, validateFormats: false, meta: false, validateSchema: false };
  const asyncApiRules = new Ajv(options).compile<object>({ ...(asyncApiSchemas.schemas['3.0.0'] as object) });
  const openApiRules = (file: string) => {
    const program = join(root, 'node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js');
    return spawnSync(process.execPath, [program, file], { encoding: 'utf8' });
  };

  test('accept the document of the topics, and not one without a title', () => {
    const document = asyncApi(VERSION, DECODE_LIMITS);
    asyncApiRules(document);
    expect(asyncApiRules.errors).toBeNull();
    expect(asyncApiRules({ ...document, info: { version: VERSION } })).toBe(false);
  });

  test('accept the document of the HTTP API, and no other', () => {
    const accepted = openApiRules(join(root, 'docs/openapi.yaml'));
    expect(accepted.stdout + accepted.stderr).toContain('"valid": true');
    expect(openApiRules(join(root, 'docs/asyncapi.yaml')).stdout).not.toContain('"valid": true');
  });
});

describe('the topics', () => {
  const document = asyncApi(VERSION, DECODE_LIMITS);
  const fields = {
    topics: topicsFor(''),
    eventId: '0b2b6a3e-8d0f-4a53-9c5e-0c3f3b2a1d10',
    batchId: 'b1',
    correlationId: 'd4f5e6a7-1b2c-4d3e-8f90-a1b2c3d4e5f6',
    traceparent: null,
    occurredAtMs: 0,
  };
  const content = { textStorageId: 't1', fileUploadId: 'u1', originalFileName: 'a.txt' };
  const registered = { courseCode: 'ENG5', userId: 'u', orgId: null, classId: null };
  const inboundFields = { ...fields, traceparent: undefined };
  const samples: Readonly<Record<EventName, WireMessage>> = {
    registration: registrationMessage({ ...inboundFields, ...registered, essayIds: ['e1', 'e2'] }),
    content: contentMessage({ ...inboundFields, ...content }),
    failure: failureMessage({ ...inboundFields, ...content, errorCode: 'EMPTY' }),
    slotAssigned: slotAssignedMessage({ ...fields, ...content, essayId: 'e1' }),
    excess: excessMessage({ ...fields, ...content }),
    completed: completedMessage({
      ...fields,
      expectedCount: 2,
      courseCode: 'ENG5',
      userId: 'u',
      essays: [{ essayId: 'e1', textStorageId: 't1' }],
    }),
  };
  const cases = Object.entries(samples) as [EventName, WireMessage][];
  const { components } = document;
  const payloadOf = (name: EventName) => validatorOf(components.messages[name].payload, { components });

  test('are those of the contract, each inbound one with its dead letters', () => {
    const addresses = Object.values(document.channels).map((channel) => (channel as { address: string }).address);
    const letters = INBOUND.map((name) => deadLetterTopic(EVENT_TYPES[name]));
    expect(addresses.sort()).toEqual([...Object.values(EVENT_TYPES), ...letters].sort());
  });

  test('have the bounds of the service', () => {
    expect(documents.find(({ file }) => file === 'docs/asyncapi.yaml')?.content).toEqual(document);
  });

  test.each(cases)('carry a %s as it is described', (name, { value }) => {
    const accepts = payloadOf(name);
    expect(accepts(JSON.parse(value)) ? [] : accepts.errors).toEqual([]);
  });

  test.each(cases)('carry no %s without its batch, or of another type', (name, { value }) => {
    const accepts = payloadOf(name);
    const { data, ...envelope } = JSON.parse(value);
    const { entity_id: _inbound, batch_id: _outbound, ...nameless } = data;
    expect(accepts({ ...envelope, data: nameless })).toBe(false);
    expect(accepts({ ...envelope, data, event_type: 'other' })).toBe(false);
  });

  test.each(cases)('let a %s have fields that came later', (name, { value }) => {
    const event = JSON.parse(value) as { data: object };
    const accepts = payloadOf(name);
    const later = { ...event, later: 1, data: { ...event.data, later: { of: 'us' } } };
    expect(accepts(later) ? [] : accepts.errors).toEqual([]);
  });

  test.each(cases)('show an example of a %s, in the document and in a schema of its own', (name) => {
    const [example] = components.messages[name].examples;
    const file = documents.find((each) => each.file.endsWith(`/${EVENT_TYPES[name]}.schema.json`));
    const accepts = validatorOf(file?.content ?? {});
    expect(accepts(example?.payload) ? [] : accepts.errors).toEqual([]);
    expect(accepts({ event_type: EVENT_TYPES[name] })).toBe(false);
    expect(payloadOf(name)(example?.payload)).toBe(true);
  });

  test('name every schema, for generators of code', () => {
    const names = Object.keys(components.schemas);
    expect(names).toHaveLength(12);
    expect(Object.values(components.schemas).map(({ title }) => title)).toEqual(names);
  });

  test.each(['slotAssigned', 'excess', 'completed'] as const)('give a %s the described headers', (name) => {
    const accepts = validatorOf(document.components.messages[name].headers ?? {});
    expect(accepts(samples[name].headers) ? [] : accepts.errors).toEqual([]);
  });
});

describe('the HTTP API', () => {
  type Answers = Record<string, { content: Record<string, { schema: object }> }>;
  const document = openApi(VERSION);
  type Path = { get?: { tags: string[]; responses: Answers } };
  const paths = Object.entries(document.paths as unknown as Record<string, Path>).flatMap(([path, { get }]) =>
    get === undefined || get.tags.includes('gateway') ? [] : [[path, { get }] as const],
  );
  const documented = paths.flatMap(([path, { get }]) => Object.keys(get.responses).map((code) => `${path} ${code}`));

  const probe = (fails: boolean): HealthProbe => ({
    name: 'database',
    required: true,
    check: async () => (fails ? 'unavailable' : null),
  });
  const well = () => {
    const { deps, status } = httpServerDeps({ probes: [probe(false)] });
    return { server: createHttpServer(deps), status };
  };

  test('describes every route of a worker, and no other', async () => {
    const { server } = well();
    await server.ready();
    const tree = server.printRoutes({ method: 'GET', commonPrefix: false }).trimEnd().split('\n');
    const above: string[] = [];
    const routes = tree.map((line) => {
      const [, indent = '', part = ''] = /^([^/\w]*)(\S+) \(/.exec(line) ?? [];
      const depth = indent.length / 4 - 1;
      above[depth] = `${above[depth - 1] ?? ''}${part}`;
      return above[depth]?.replaceAll(/:(\w+)/g, '{$1}');
    });
    expect(routes.sort()).toEqual(paths.map(([path]) => path).sort());
  });

  test('answers as described, with every described status', async () => {
    const seen = new Set<string>();
    const ask = async (server: ReturnType<typeof createHttpServer>, path: string, id: string) => {
      const reply = await server.inject(path.replace(/\{\w+\}/, id));
      const { content } = document.paths[path as '/info'].get.responses[
        String(reply.statusCode) as '200'
      ] as Answers[''];
      const [type = '', { schema }] = Object.entries(content)[0] ?? ['', { schema: {} }];
      expect(reply.headers['content-type']).toContain(type);
      expect(reply.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
      const accepts = validatorOf(schema, { components: document.components });
      const body = type === 'application/json' ? reply.json() : reply.payload;
      expect({ path, errors: accepts(body) ? [] : accepts.errors }).toEqual({ path, errors: [] });
      seen.add(`${path} ${reply.statusCode}`);
    };
    for (const [path] of paths) {
      const { server, status } = well();
      status.batches.set('known', BATCH);
      status.essays.set('known', ESSAY);
      for (const id of ['known', 'unknown', '%00']) await ask(server, path, id);
      for (const failure of [new AppError('UNAVAILABLE', 'gone'), new Error('mistake')]) {
        status.failure = failure;
        await ask(server, path, 'known');
      }
      await ask(createHttpServer(httpServerDeps({ probes: [probe(true)] }).deps), path, 'known');
      const crowded = createHttpServer({ ...httpServerDeps({ probes: [probe(false)] }).deps, readsPerSecondMax: 1 });
      await Promise.all([1, 2, 3].map(() => ask(crowded, path, 'unknown')));
    }
    expect([...seen].sort()).toEqual(documented.sort());
  });
});

const BATCH = {
  batchId: 'known',
  state: 'complete' as const,
  expectedCount: 1,
  openCount: 0,
  filledCount: 1,
  failedCount: 0,
  pendingCount: 0,
  excessCount: 0,
  version: 2,
  registeredAtMs: 0,
  completedAtMs: 1,
  erasedAtMs: null,
  completion: { eventId: '0f4e7f5a-9d6c-5b1e-8a52-0c7d3b0f6a11', published: true },
};

const ESSAY = {
  essayId: 'known',
  batchId: 'known',
  status: 'filled' as const,
  position: 0,
  textStorageId: 't1',
  fileUploadId: 'u1',
  originalFileName: 'a.txt',
  assignedAtMs: 1,
  assignedBy: 'worker-1',
  batchVersion: 2,
};
