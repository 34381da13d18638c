/** The gateway as a process, on real servers: what it answers 202 is in the log, and a worker makes of it what it should. */
import { randomUUID } from 'node:crypto';
import { TcpProxy } from '../../../distributed/stack/process/tcp-proxy.ts';
import { kafkaBrokers } from '../../support/servers/servers.ts';
import { TopicTail } from '../../support/servers/topic-tail.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

jest.setTimeout(120_000);

const GATEWAY = 'src/bin/gateway.ts';
/** Where nothing listens. */
const AWAY = { DATABASE_URL: 'postgres://els@127.0.0.1:1/els', REDIS_URL: 'redis://127.0.0.1:1' };
const COURSE = { course_code: 'ENG5', user_id: 'teacher-1' };

let fixture: WorkerFixture;
let inbound: TopicTail;
let gateway: WorkerProgram;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 3 });
  inbound = new TopicTail(fixture.kafka, { groupId: `${fixture.prefix}inbound`, topics: fixture.inbound });
  await inbound.open();
  gateway = await fixture.launchReady('gateway-1', { program: GATEWAY });
});

afterAll(async () => {
  await inbound.close();
  await fixture.close();
});

function portOf(program: WorkerProgram): number {
  return Number(program.logged('http listening')?.['port']);
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}, program = gateway) {
  const response = await fetch(`http://127.0.0.1:${portOf(program)}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as Record<string, unknown> & { error?: { code: string; message: string } };
  return { status: response.status, headers: response.headers, answer };
}

function contentsOf(prefix: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    file_upload_id: `${prefix}-upload-${index}`,
    text_storage_id: `${prefix}-text-${index}`,
    original_file_name: `${index}.docx`,
  }));
}

/** Event ids in the log, of one batch. */
async function logged(batchId: string): Promise<string[]> {
  const records = await inbound.complete();
  return records.filter(({ key }) => String(key) === batchId).map(({ value }) => JSON.parse(String(value)).event_id);
}

test('what is accepted is in the log, keyed by batch, and a worker fills the batch with it', async () => {
  const registered = await post('/v1/batches', { ...COURSE, essay_count: 3 });
  expect(registered.status).toBe(202);
  const { batch_id: batchId, essay_ids: essayIds } = registered.answer as { batch_id: string; essay_ids: string[] };
  expect(new Set(essayIds).size).toBe(3);
  const contents = await post(`/v1/batches/${batchId}/contents`, { contents: contentsOf('a', 2) });
  const failure = await post(`/v1/batches/${batchId}/failures`, {
    file_upload_id: 'a-bad',
    original_file_name: 'bad.docx',
    validation_error_code: 'EMPTY_CONTENT',
    validation_error_message: 'nothing in it',
  });
  expect([contents.status, failure.status]).toEqual([202, 202]);
  const accepted = [registered.answer['event_id'], contents.answer['event_ids'], failure.answer['event_ids']].flat();
  expect((await logged(batchId)).sort()).toEqual(accepted.sort());

  await fixture.launchReady('worker-1');
  await fixture.settled();
  const response = await fetch(`http://127.0.0.1:${portOf(gateway)}/v1/batches/${batchId}/status`);
  expect(await response.json()).toMatchObject({ state: 'complete', filled: 2, failed: 1, open: 0 });
  expect(await fixture.sql('select error_code, error_message from failures where batch_id = $1', [batchId])).toEqual([
    { error_code: 'EMPTY_CONTENT', error_message: 'nothing in it' },
  ]);
});

test('a repeat under an Idempotency-Key has the same ids, another body under it is told', async () => {
  const key = { 'idempotency-key': randomUUID() };
  const body = { ...COURSE, essay_count: 2 };
  const [first, second] = [await post('/v1/batches', body, key), await post('/v1/batches', body, key)];
  expect([first.status, second.status]).toEqual([202, 202]);
  const { correlation_id: _one, ...ids } = first.answer;
  expect(second.answer).toMatchObject(ids);
  expect((await post('/v1/batches', { ...body, essay_count: 3 }, key)).status).toBe(409);
  const other = await fixture.launchReady('gateway-2', { program: GATEWAY });
  expect((await post('/v1/batches', body, key, other)).answer).toMatchObject(ids);
});

describe('what a worker would set aside is refused, and nothing of it is in the log', () => {
  const one = { file_upload_id: 'u', text_storage_id: 't', original_file_name: 'n' };
  test.each<[string, string, unknown, number, string]>([
    ['no JSON', '/v1/batches', '{', 400, ''],
    ['a list', '/v1/batches', [], 400, ''],
    ['no course', '/v1/batches', { user_id: 'u', essay_count: 1 }, 400, 'course_code'],
    ['neither ids nor a count', '/v1/batches', COURSE, 400, 'either essay_ids or essay_count'],
    ['an id twice', '/v1/batches', { ...COURSE, essay_ids: ['x', 'x'] }, 400, 'essay_ids holds an id twice'],
    ['too many slots', '/v1/batches', { ...COURSE, essay_count: 10_001 }, 400, 'essay_count'],
    ['an id that is none', '/v1/batches/refused/contents', { ...one, text_storage_id: ' t' }, 400, 'text_storage_id'],
    ['one bad of two', '/v1/batches/refused/contents', { contents: [one, { ...one, file_upload_id: 7 }] }, 400, '[1]'],
    ['nothing', '/v1/batches/refused/contents', { contents: [] }, 400, 'contents'],
    ['too many', '/v1/batches/refused/contents', { contents: contentsOf('b', 1001) }, 400, 'contents'],
    ['no code', '/v1/batches/refused/failures', { file_upload_id: 'u' }, 400, 'validation_error_code'],
    ['too large', '/v1/batches/refused/contents', `{"x":"${'x'.repeat(1_100_000)}"}`, 413, ''],
    ['a batch that is no id', '/v1/batches/%20/contents', one, 400, 'batch_id'],
    ['no such route', '/v1/batches/refused/grades', one, 404, ''],
  ])('%s', async (_name, path, body, status, message) => {
    const { status: found, answer } = await post(path, body);
    expect([found, answer]).toEqual([status, { error: expect.objectContaining({ message: expect.any(String) }) }]);
    expect(answer.error?.message).toContain(message);
    expect(await logged('refused')).toEqual([]);
  });

  test('another media type and another method', async () => {
    const text = await post('/v1/batches', '{}', { 'content-type': 'application/xml' });
    expect(text.status).toBe(415);
    const get = await fetch(`http://127.0.0.1:${portOf(gateway)}/v1/batches/b/contents`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

test('while PostgreSQL and Redis are away it is ready, says what works, and accepts', async () => {
  const program = await fixture.launchReady('gateway-writes', { program: GATEWAY, env: AWAY });
  const { checks } = (await program.get('/ready')).json() as { checks: Record<string, { status: string }> };
  expect(checks).toMatchObject({
    kafka: { status: 'ok' },
    database: { status: 'failed', detail: 'nothing can be read' },
    redis: { status: 'degraded' },
  });
  const { status } = await post('/v1/batches/alone/contents', contentsOf('alone', 1)[0], {}, program);
  expect(status).toBe(202);
  expect(await logged('alone')).toHaveLength(1);
  expect((await program.get('/v1/batches/alone/status')).status).toBe(503);
});

test('while Kafka is away it answers 503 within three seconds, and accepts again when Kafka is back', async () => {
  const [host = '', port = ''] = (kafkaBrokers()[0] ?? '').split(':');
  const forward = new TcpProxy(20_000 + (process.pid % 8_000), { host, port: Number(port) });
  const program = await fixture.launchReady('gateway-reads', {
    program: GATEWAY,
    env: { KAFKA_BROKERS: `127.0.0.1:${forward.port}` },
  });
  const [content] = contentsOf('late', 1);
  const startedAtMs = performance.now();
  const refused = await post('/v1/batches/late/contents', content, {}, program);
  expect(performance.now() - startedAtMs).toBeLessThan(3000);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await logged('late')).toEqual([]);
  await forward.open();
  try {
    const accepted = await waitFor(
      async () => {
        const answer = await post('/v1/batches/late/contents', content, {}, program);
        return answer.status === 202 && answer;
      },
      { deadlineMs: 20_000, what: 'a content accepted again' },
    );
    expect(await logged('late')).toContain((accepted.answer['event_ids'] as string[])[0]);
  } finally {
    await forward.close();
  }
});

test('on an address that others reach it refuses to start unless told otherwise by name', async () => {
  const program = fixture.launch('gateway-open', { program: GATEWAY, env: { HTTP_HOST: '0.0.0.0' } });
  expect(await program.exited()).toBe(78);
  expect(program.stderr).toContain('GATEWAY_OPEN');
});
