/** A gateway that asks who its users are: each sees and writes what is his, and nobody else's. */
import { randomUUID } from 'node:crypto';
import { LiveSocket, ManySocket } from '../../support/live-client.ts';
import { SIGNING_SECRET, type TokenClaims, tokenOf, WITH_TOKENS } from '../../support/user-tokens.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const GATEWAY = 'src/bin/gateway.ts';
const DEADLINE_MS = 30_000;
const CONTENT = { file_upload_id: 'u', text_storage_id: 't', original_file_name: 'f' };

let fixture: WorkerFixture;
let gateway: WorkerProgram;
let ann: string;
let ben: string;
let colleague: string;
let operator: string;
let service: string;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
  const env = { ...WITH_TOKENS, HTTP_HOST: '0.0.0.0', GATEWAY_ALLOWED_ORIGINS: 'https://school.example' };
  gateway = await fixture.launchReady('gateway', { program: GATEWAY, env });
  await fixture.launchReady('worker');
  [ann, ben, colleague, operator, service] = (await Promise.all(
    [
      { sub: 'ann', org_id: 'school' },
      { sub: 'ben' },
      { sub: 'colleague', org_id: 'school' },
      { sub: 'operator', scope: 'batches:read operate' },
      { sub: 'files', scope: 'batches:write:all' },
    ].map((claims) => tokenOf(claims)),
  )) as [string, string, string, string, string];
});

afterAll(() => fixture.close());

const portOf = (program: WorkerProgram): number => Number(program.logged('http listening')?.['port']);

async function ask(token: string | null, path: string, init: RequestInit & { json?: unknown } = {}, program = gateway) {
  const { json, ...rest } = init;
  const response = await fetch(`http://127.0.0.1:${portOf(program)}${path}`, {
    ...rest,
    ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
    headers: {
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(init.headers as Record<string, string>),
    },
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const body = () => JSON.parse(text) as Record<string, unknown> & { batch_id: string; upload_token: string };
  return { status: response.status, headers: response.headers, text, body };
}

async function registered(token: string, about: object = {}) {
  const answer = await ask(token, '/v1/batches', { json: { course_code: 'ENG5', essay_count: 2, ...about } });
  expect([answer.status, answer.text]).toEqual([202, expect.stringContaining('upload_token')]);
  const { batch_id: batchId, upload_token: uploadToken, essay_ids: essayIds } = answer.body();
  await waitFor(async () => (await ask(operator, `/v1/batches/${batchId}/status`)).status === 200, {
    deadlineMs: DEADLINE_MS,
    what: 'the batch',
  });
  return { batchId, uploadToken, essayIds: essayIds as string[] };
}

async function ticketOf(token: string): Promise<string> {
  const { status, body } = await ask(token, '/v1/live/tickets', { method: 'POST' });
  expect(status).toBe(201);
  return String(body()['ticket']);
}

const liveUrl = (path: string, ticket: string): string => `ws://127.0.0.1:${portOf(gateway)}${path}?ticket=${ticket}`;

async function refusal(url: string, options = {}): Promise<string> {
  const client = new LiveSocket(url, null, options);
  await waitFor(() => client.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'a refusal' });
  return client.faults.join();
}

const ROUTES: readonly (readonly ['GET' | 'POST', string])[] = [
  ['GET', '/v1/batches'],
  ['POST', '/v1/batches'],
  ['GET', '/v1/batches/b/status'],
  ['GET', '/v1/batches/b/slots'],
  ['GET', '/v1/batches/b/excess'],
  ['GET', '/v1/batches/b/failures'],
  ['GET', '/v1/batches/b/live'],
  ['POST', '/v1/batches/b/contents'],
  ['POST', '/v1/batches/b/failures'],
  ['GET', '/v1/essays/e/status'],
  ['POST', '/v1/live/tickets'],
  ['GET', '/v1/gateways'],
];

test.each(ROUTES)(
  '%s %s is for nobody who does not say who he is, and for nobody out of his scope',
  async (method, path) => {
    const unknown = await ask(null, path, { method });
    expect(unknown.status).toBe(401);
    expect(unknown.headers.get('www-authenticate')).toBe('Bearer realm="essay-lifecycle"');
    expect(unknown.headers.get('content-type')).toContain('application/problem+json');
    expect(unknown.body()).toMatchObject({
      status: 401,
      title: 'Unauthorized',
      error: { code: 'AUTHENTICATION_ERROR' },
    });
    const scopeless = await ask(await tokenOf({ sub: 'ann', scope: 'email' }), path, { method });
    expect(scopeless.status).toBe(403);
    expect(scopeless.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
  },
);

test.each<[string, TokenClaims, string | undefined]>([
  ['expired', { sub: 'ann', expiresInSeconds: -60 }, undefined],
  ['of another issuer', { sub: 'ann' }, SIGNING_SECRET.replaceAll(' ', '-')],
  ['of nobody', {}, undefined],
  ['of an id that is none', { sub: 'a\u0000' }, undefined],
  ['of an organisation that is none', { sub: 'ann', org_id: ' ' }, undefined],
])('a token %s is refused', async (_name, claims, secret) => {
  const { status, headers } = await ask(await tokenOf(claims, secret), '/v1/batches');
  expect([status, headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
});

test('a token without a signature is refused', async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: 'ann', scope: 'batches:read', exp: Math.floor(Date.now() / 1000) + 60 };
  const unsigned = `${part({ alg: 'none' })}.${part(claims)}.`;
  expect((await ask(unsigned, '/v1/batches')).status).toBe(401);
});

test('a user sees his own batches and those of his organisation; others are not there for him', async () => {
  const { batchId, essayIds } = await registered(ann);
  const paths = [
    ...['status', 'slots', 'excess', 'failures'].map((name) => `/v1/batches/${batchId}/${name}`),
    `/v1/essays/${essayIds[0]}/status`,
  ];
  for (const path of paths) {
    const statuses = await Promise.all(
      [ann, colleague, operator, ben].map(async (each) => (await ask(each, path)).status),
    );
    expect([path, statuses]).toEqual([path, [200, 200, 200, 404]]);
    // In the words for what never was.
    const missing = await ask(ben, path.replace(batchId, randomUUID()).replace(String(essayIds[0]), randomUUID()));
    const hidden = (await ask(ben, path)).body()['error'] as { message: string };
    expect(hidden.message).toBe((missing.body()['error'] as { message: string }).message);
  }
  const lists = await Promise.all(
    [ann, colleague, operator, ben].map(async (each) =>
      (await ask(each, '/v1/batches?limit=200')).text.includes(batchId),
    ),
  );
  expect(lists).toEqual([true, true, true, false]);
  const asked = await ask(ben, `/v1/batches?owner=ann&q=${batchId}`);
  expect(asked.body()['batches']).toEqual([]);
});

test('a user registers for himself only, and chooses no id; a service does both', async () => {
  const register = (token: string, about: object) =>
    ask(token, '/v1/batches', { json: { course_code: 'ENG5', essay_count: 1, ...about } });
  for (const about of [{ user_id: 'ben' }, { org_id: 'other' }, { batch_id: 'mine' }]) {
    expect([about, (await register(ann, about)).status]).toEqual([about, 403]);
  }
  expect((await register(service, { user_id: 'ben', batch_id: 'given' })).body()).toMatchObject({ batch_id: 'given' });
});

test('the same key and body of two users are two batches', async () => {
  const init = { json: { course_code: 'ENG5', essay_count: 1 }, headers: { 'idempotency-key': 'k' } };
  const [first, again, other] = await Promise.all([ann, ann, ben].map((each) => ask(each, '/v1/batches', init)));
  expect(again?.body().batch_id).toBe(first?.body().batch_id);
  expect(other?.body().batch_id).not.toBe(first?.body().batch_id);
});

test('who may write into a batch is known without the database', async () => {
  const { batchId, uploadToken } = await registered(ann);
  const env = { ...WITH_TOKENS, DATABASE_URL: 'postgres://els@127.0.0.1:1/els', REDIS_URL: 'redis://127.0.0.1:1' };
  const alone = await fixture.launchReady('gateway-alone', { program: GATEWAY, env });
  const post = async (token: string, batch = batchId) =>
    (await ask(token, `/v1/batches/${batch}/contents`, { json: CONTENT }, alone)).status;
  expect(await post(uploadToken)).toBe(202);
  expect(await post(service)).toBe(202);
  expect([await post(uploadToken, 'another'), await post(ann), await post(ben)]).toEqual([403, 403, 403]);
  expect(await post(`${uploadToken.slice(0, -4)}AAAA`)).toBe(401);
  // It is for that alone.
  expect((await ask(uploadToken, '/v1/batches')).status).toBe(403);
  expect((await ask(uploadToken, '/v1/live/tickets', { method: 'POST' })).status).toBe(403);
});

test('a ticket opens live connections to what its holder sees, and nothing else', async () => {
  const { batchId } = await registered(ann);
  const path = `/v1/batches/${batchId}/live`;
  const ticket = await ticketOf(ann);
  const client = new LiveSocket(liveUrl(path, ticket));
  await waitFor(() => client.version === 0, { deadlineMs: DEADLINE_MS, what: 'a snapshot' });
  client.cut();
  expect(await refusal(liveUrl(path, await ticketOf(ben)))).toContain('404');
  expect(await refusal(liveUrl(path, 'nonsense'))).toContain('401');
  expect(await refusal(`ws://127.0.0.1:${portOf(gateway)}${path}`)).toContain('401');
  expect(await refusal(liveUrl(path, ticket), { origin: 'https://elsewhere.example' })).toContain('403');
  const allowed = new LiveSocket(liveUrl(path, ticket), null, { origin: 'https://school.example' });
  await waitFor(() => allowed.version === 0, { deadlineMs: DEADLINE_MS, what: 'a snapshot' });
  allowed.cut();
  // In place of a token, or for anything but a live connection, it is worth nothing.
  expect((await ask(ticket, '/v1/batches')).status).toBe(401);
  expect((await ask(null, `/v1/batches?ticket=${ticket}`)).status).toBe(401);
});

test('a connection for many batches shows those that its user sees', async () => {
  const [own, others] = await Promise.all([registered(ann), registered(ben)]);
  const socket = new ManySocket(liveUrl('/v1/live', await ticketOf(ann)));
  await socket.opened;
  const client = socket.watch(own.batchId);
  socket.watch(others.batchId);
  await waitFor(() => client.version === 0 && socket.refusals.length > 0, { deadlineMs: DEADLINE_MS, what: 'answers' });
  await ask(others.uploadToken, `/v1/batches/${others.batchId}/contents`, { json: CONTENT });
  await ask(own.uploadToken, `/v1/batches/${own.batchId}/contents`, { json: CONTENT });
  await waitFor(() => client.version === 1, { deadlineMs: DEADLINE_MS, what: 'a change' });
  expect(socket.refusals).toMatchObject([{ batch_id: others.batchId, status: 404, message: 'no such batch' }]);
  expect(socket.clients.get(others.batchId)?.version).toBeNull();
  socket.cut();
});

test('a connection ends with the token it was opened with', async () => {
  const { batchId } = await registered(ann);
  const short = await tokenOf({ sub: 'ann', org_id: 'school', expiresInSeconds: 2 });
  const client = new LiveSocket(liveUrl(`/v1/batches/${batchId}/live`, await ticketOf(short)));
  await waitFor(() => client.code !== undefined, { deadlineMs: DEADLINE_MS, what: 'the end' });
  expect([client.version, client.code]).toEqual([0, 4401]);
});

test('pages of origins on the list may ask, others may not, and nothing is taken for what it is not', async () => {
  const preflight = async (origin: string) => {
    const headers = {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    };
    return (await ask(null, '/v1/batches', { method: 'OPTIONS', headers })).headers.get('access-control-allow-origin');
  };
  expect(await preflight('https://school.example')).toBe('https://school.example');
  expect(await preflight('https://elsewhere.example')).toBeNull();
  const refused = await ask(null, '/v1/batches', { headers: { origin: 'https://school.example' } });
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://school.example']);
  expect(refused.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(refused.headers.get('x-content-type-options')).toBe('nosniff');
  expect((await ask(null, '/live')).status).toBe(200);
});

test('a user has his share of requests on all gateways together, and a service has no such limit', async () => {
  // A count that Redis gave too late is the gateway's own, which is smaller: here every one has to be in time.
  const env = { ...WITH_TOKENS, GATEWAY_REQUESTS_PER_MINUTE_MAX: '6', REDIS_COMMAND_TIMEOUT_MS: '5000' };
  const pair = await Promise.all(
    ['limited-1', 'limited-2'].map((name) => fixture.launchReady(name, { program: GATEWAY, env })),
  );
  const eager = await tokenOf({ sub: `eager ${fixture.prefix}` });
  const statuses: number[] = [];
  for (let request = 0; request < 8; request += 1) {
    statuses.push((await ask(eager, '/v1/batches', {}, pair[request % 2])).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
  const refused = await ask(eager, '/v1/batches', {}, pair[0]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  const calm = await tokenOf({ sub: `calm ${fixture.prefix}` });
  expect((await ask(calm, '/v1/batches', {}, pair[0])).status).toBe(200);
  const posts = Array.from({ length: 10 }, () => ask(service, '/v1/batches/b/contents', { json: CONTENT }, pair[0]));
  expect((await Promise.all(posts)).map(({ status }) => status)).toEqual(Array(10).fill(202));
});
