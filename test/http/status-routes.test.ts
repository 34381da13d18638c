import { batchStatusBody, errorBody, essayStatusBody } from '../../src/contract/http.ts';
import { AppError } from '../../src/errors.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { httpServerDeps } from '../support/http-server.ts';

const COMPLETE = {
  batchId: 'b1',
  state: 'complete' as const,
  expectedCount: 3,
  openCount: 0,
  filledCount: 2,
  failedCount: 1,
  pendingCount: 0,
  excessCount: 4,
  version: 9,
  registeredAtMs: Date.UTC(2026, 0, 1),
  completedAtMs: Date.UTC(2026, 0, 2),
  erasedAtMs: null,
  completion: { eventId: '0f4e7f5a-9d6c-5b1e-8a52-0c7d3b0f6a11', published: true },
};

function setUp() {
  const { deps, status, logged } = httpServerDeps();
  return { server: createHttpServer(deps), status, logged };
}

describe('the status of a batch', () => {
  test('tells counts, completion and progress', async () => {
    const { server, status } = setUp();
    status.batches.set('b1', COMPLETE);
    const reply = await server.inject('/v1/batches/b1/status');
    expect(reply.statusCode).toBe(200);
    expect(batchStatusBody.strict().parse(reply.json())).toEqual({
      batch_id: 'b1',
      state: 'complete',
      expected_count: 3,
      open: 0,
      filled: 2,
      failed: 1,
      pending: 0,
      excess: 4,
      version: 9,
      registered_at: '2026-01-01T00:00:00.000Z',
      completed_at: '2026-01-02T00:00:00.000Z',
      erased_at: null,
      total_essays: 3,
      status_breakdown: { open: 0, filled: 2, failed: 1 },
      completion_percentage: 100,
      completion: { event_id: COMPLETE.completion.eventId, published: true },
    });
  });

  test('is told once: while nothing changed, its tag is answered with 304', async () => {
    const { server, status } = setUp();
    status.batches.set('b1', COMPLETE);
    const { headers } = await server.inject('/v1/batches/b1/status');
    const tag = String(headers.etag);
    const ask = () => server.inject({ url: '/v1/batches/b1/status', headers: { 'if-none-match': tag } });
    const same = await ask();
    expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, '', tag]);
    // The version is the same: what comes late makes no new one.
    status.batches.set('b1', { ...COMPLETE, pendingCount: 1 });
    const changed = await ask();
    expect([changed.statusCode, changed.json<{ pending: number }>().pending]).toEqual([200, 1]);
    expect(changed.headers.etag).not.toBe(tag);
  });

  test('is refused in the words of RFC 9457 to who asks for them', async () => {
    const { server } = setUp();
    const headers = { accept: 'application/problem+json, application/json' };
    const reply = await server.inject({ url: '/v1/batches/none/status', headers });
    expect(reply.headers['content-type']).toContain('application/problem+json');
    expect(reply.json()).toMatchObject({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'no such batch',
    });
    const plain = await server.inject('/v1/batches/none/status');
    expect(plain.headers['content-type']).toContain('application/json');
    expect(plain.json()).not.toHaveProperty('title');
  });

  test('of a batch only heard of has no slots and no times', async () => {
    const { server, status } = setUp();
    status.batches.set('b2', {
      ...COMPLETE,
      batchId: 'b2',
      state: 'announced',
      expectedCount: null,
      filledCount: 0,
      failedCount: 0,
      pendingCount: 2,
      registeredAtMs: null,
      completedAtMs: null,
      erasedAtMs: null,
      completion: null,
    });
    const body = batchStatusBody.parse((await server.inject('/v1/batches/b2/status')).json());
    expect(body).toMatchObject({
      expected_count: null,
      total_essays: 0,
      completion_percentage: 0,
      registered_at: null,
    });
  });

  test('of an unknown batch is 404 in the error body', async () => {
    const { server } = setUp();
    const reply = await server.inject('/v1/batches/nobody/status');
    expect(reply.statusCode).toBe(404);
    expect(errorBody.parse(reply.json()).error).toEqual({
      code: 'RESOURCE_NOT_FOUND',
      message: 'no such batch',
      correlation_id: reply.headers['x-correlation-id'],
      service: 'essay-lifecycle-service',
      timestamp: '2026-01-02T03:04:05.000Z',
      details: {},
    });
  });
});

test('the status of an essay tells its slot', async () => {
  const { server, status } = setUp();
  status.essays.set('e/1', {
    essayId: 'e/1',
    batchId: 'b1',
    status: 'filled',
    position: 0,
    textStorageId: 't1',
    fileUploadId: 'u1',
    originalFileName: 'ä.txt',
    assignedAtMs: Date.UTC(2026, 0, 1),
    assignedBy: 'worker-1',
    batchVersion: 2,
  });
  const reply = await server.inject('/v1/essays/e%2F1/status');
  expect(reply.statusCode).toBe(200);
  expect(essayStatusBody.strict().parse(reply.json())).toMatchObject({
    essay_id: 'e/1',
    current_status: 'filled',
    original_file_name: 'ä.txt',
    assigned_at: '2026-01-01T00:00:00.000Z',
  });
  expect((await server.inject('/v1/essays/e2/status')).statusCode).toBe(404);
});

describe('an id', () => {
  test.each([
    ['a NUL', 'a%00b'],
    ['a line break', 'a%0Ab'],
    ['a delete character', '%7F'],
    ['201 characters', 'a'.repeat(201)],
    ['space at its edge', '%20a'],
  ])('with %s is 400 and never reaches the database', async (_what, id) => {
    const { server, status } = setUp();
    const reply = await server.inject(`/v1/batches/${id}/status`);
    expect(reply.statusCode).toBe(400);
    expect(errorBody.parse(reply.json()).error.code).toBe('VALIDATION_ERROR');
    expect(status.asked).toBe(0);
  });

  test.each([
    ['200 characters', 'a'.repeat(200)],
    ['200 characters of three bytes', encodeURIComponent('語'.repeat(200))],
    ['SQL in it', encodeURIComponent("'); DROP TABLE batches; --")],
  ])('with %s is looked up as it is', async (_what, id) => {
    const { server, status } = setUp();
    status.batches.set(decodeURIComponent(id), { ...COMPLETE, batchId: decodeURIComponent(id) });
    const reply = await server.inject(`/v1/batches/${id}/status`);
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ batch_id: decodeURIComponent(id) });
  });
});

describe('a reader that fails', () => {
  test('for now is 503 with Retry-After', async () => {
    const { server, status } = setUp();
    status.failure = new AppError('UNAVAILABLE', 'connect ECONNREFUSED 10.1.2.3:5432');
    const reply = await server.inject('/v1/batches/b1/status');
    expect(reply.statusCode).toBe(503);
    expect(reply.headers['retry-after']).toBe('1');
    expect(errorBody.parse(reply.json()).error.code).toBe('CONNECTION_ERROR');
    expect(reply.payload).not.toContain('10.1.2.3');
  });

  test('for good is 500 that tells strangers nothing and the log everything', async () => {
    const { server, status, logged } = setUp();
    status.failure = new Error('relation "slots" does not exist');
    const reply = await server.inject({
      url: '/v1/batches/b1/status',
      headers: { 'x-correlation-id': 'd4f5e6a7-1b2c-4d3e-8f90-a1b2c3d4e5f6' },
    });
    expect(reply.statusCode).toBe(500);
    expect(reply.payload).not.toMatch(/slots|status-routes|stack/);
    expect(logged.join()).toContain('relation');
    expect(logged.join()).toContain('d4f5e6a7-1b2c-4d3e-8f90-a1b2c3d4e5f6');
  });
});

test('whoever reads in a loop gets 429 and when to come again; probes are answered all the same', async () => {
  const { deps } = httpServerDeps();
  const server = createHttpServer({ ...deps, readsPerSecondMax: 10 });
  const asked = await Promise.all(Array.from({ length: 40 }, () => server.inject('/v1/batches/b/status')));
  const refused = asked.filter(({ statusCode }) => statusCode === 429);
  expect(refused.length).toBeGreaterThan(20);
  expect(refused[0]?.headers['retry-after']).toBe('1');
  expect(errorBody.parse(refused[0]?.json()).error.code).toBe('RATE_LIMITED');
  expect((await server.inject('/ready')).statusCode).toBe(200);
  const text = (await server.inject('/metrics')).payload;
  expect(text).toContain(
    'els_http_request_duration_seconds_count{route="/v1/batches/:batch_id/status",method="GET",status="4xx"}',
  );
});
