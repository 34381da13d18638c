/**
 * A worker as its neighbours know it: records written by hand as the original services write them, events read back
 * and compared field by field, the probes and the read API, and a replay that must change nothing.
 */
import {
  batchStatusBody,
  essayStatusBody,
  healthBody,
  infoBody,
  liveBody,
  readyBody,
} from '../../src/contract/http.ts';
import { VERSION } from '../../src/version.ts';
import type { TailRecord } from '../support/servers/topic-tail.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

jest.setTimeout(90_000);

const BATCH = '5d0f8a52-1d6c-4b63-9f2e-0c4a3f1b7e01';
const ESSAYS = ['0b6a1c9e-0000-4000-8000-000000000001', '0b6a1c9e-0000-4000-8000-000000000002'] as const;
const REGISTRATION_CORRELATION = 'c0ffee00-0000-4000-8000-00000000000a';
const CONTENT_CORRELATION = 'c0ffee00-0000-4000-8000-00000000000b';

/** Everything below is written out, not built: it is what the neighbours send. */
const REGISTRATION = `{
  "event_id": "11111111-1111-4111-8111-111111111111",
  "event_type": "huleedu.batch.essays.registered.v1",
  "event_timestamp": "2025-11-21T10:15:30.123456Z",
  "source_service": "batch-service",
  "schema_version": 1,
  "correlation_id": "${REGISTRATION_CORRELATION}",
  "data_schema_uri": null,
  "data": {
    "event": "batch.essays.registered",
    "entity_id": "${BATCH}",
    "expected_essay_count": 2,
    "essay_ids": ["${ESSAYS[0]}", "${ESSAYS[1]}"],
    "metadata": {
      "entity_id": "${BATCH}", "entity_type": "batch", "parent_id": null, "timestamp": "2025-11-21T10:15:30Z",
      "processing_stage": null, "started_at": null, "completed_at": null, "event": null, "error_info": {}
    },
    "course_code": "SV1",
    "student_prompt_ref": {"references": {"student_prompt_text": {"storage_id": "prompt-1", "path": ""}}},
    "user_id": "teacher-7",
    "org_id": null,
    "class_id": null
  },
  "metadata": {}
}`;

const content = (number: number, textStorageId: string) => `{
  "event_id": "22222222-2222-4222-8222-22222222222${number}",
  "event_type": "huleedu.file.essay.content.provisioned.v1",
  "event_timestamp": "2025-11-21T10:15:31+00:00",
  "source_service": "file-service",
  "schema_version": 1,
  "correlation_id": "${CONTENT_CORRELATION}",
  "data_schema_uri": null,
  "data": {
    "event": "essay.content.provisioned",
    "entity_id": "${BATCH}",
    "file_upload_id": "upload-${number}",
    "original_file_name": "Uppsats å${number}.docx",
    "raw_file_storage_id": "raw-${number}",
    "text_storage_id": "${textStorageId}",
    "file_size_bytes": 1024,
    "content_md5_hash": "9e107d9d372bb6826bd81d3542a419d6",
    "correlation_id": "${CONTENT_CORRELATION}",
    "timestamp": "2025-11-21T10:15:31Z"
  },
  "metadata": null
}`;

const FAILURE = `{
  "event_id": "33333333-3333-4333-8333-333333333333",
  "event_type": "huleedu.file.essay.validation.failed.v1",
  "event_timestamp": "2025-11-21T10:15:32Z",
  "source_service": "file-service",
  "schema_version": 1,
  "correlation_id": "${CONTENT_CORRELATION}",
  "data_schema_uri": null,
  "data": {
    "event": "essay.validation.failed",
    "entity_id": "${BATCH}",
    "file_upload_id": "upload-3",
    "original_file_name": "empty.docx",
    "raw_file_storage_id": "STORAGE_FAILED",
    "validation_error_code": "RAW_STORAGE_FAILED",
    "validation_error_detail": {
      "error_code": "RAW_STORAGE_FAILED", "message": "no room", "correlation_id": "${CONTENT_CORRELATION}",
      "timestamp": "2025-11-21T10:15:32Z", "service": "file-service", "operation": "store", "details": {},
      "stack_trace": null, "trace_id": null, "span_id": null
    },
    "file_size_bytes": 0,
    "correlation_id": "${CONTENT_CORRELATION}",
    "timestamp": "2025-11-21T10:15:32Z"
  },
  "metadata": null
}`;

let fixture: WorkerFixture;
let worker: WorkerProgram;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 3 });
  worker = await fixture.launchReady('worker-1', { env: { ENVIRONMENT: 'rehearsal' } });
});
afterAll(() => fixture?.close());

describe('records written by hand, without headers', () => {
  const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
  const envelope = (eventType: string, correlationId: string, data: object) => ({
    event_id: expect.stringMatching(UUID),
    event_type: eventType,
    event_timestamp: expect.stringMatching(TIMESTAMP),
    source_service: 'essay-lifecycle-service',
    schema_version: 1,
    correlation_id: correlationId,
    data_schema_uri: null,
    data: { ...data, correlation_id: correlationId, timestamp: expect.stringMatching(TIMESTAMP) },
    metadata: null,
  });
  const published = async (topic: string): Promise<TailRecord[]> =>
    (await fixture.tail.complete()).filter((record) => record.topic === topic);
  const parsed = ({ value }: TailRecord) => JSON.parse(String(value));

  beforeAll(async () => {
    const { topics } = fixture;
    // One after the other, so that it is known who gets which slot.
    await fixture.send([{ topic: topics.registration, key: BATCH, value: REGISTRATION }]);
    await fixture.settled();
    await fixture.send([{ topic: topics.content, key: 'upload-1', value: content(1, 'text-1') }]);
    await fixture.settled();
    await fixture.send([{ topic: topics.failure, key: 'upload-3', value: FAILURE }]);
    await fixture.settled();
    await fixture.send([{ topic: topics.content, key: 'upload-2', value: content(2, 'text-2') }]);
    await fixture.settled();
  });

  test('give one completion, as the contract has it', async () => {
    const records = await published(fixture.topics.completed);
    expect(records.map(({ key }) => String(key))).toEqual([BATCH]);
    expect(records.map(parsed)).toEqual([
      envelope('huleedu.batch.content.provisioning.completed.v1', REGISTRATION_CORRELATION, {
        event: 'batch.content.provisioning.completed',
        batch_id: BATCH,
        provisioned_count: 1,
        expected_count: 2,
        course_code: 'SV1',
        user_id: 'teacher-7',
        essays_for_processing: [{ essay_id: ESSAYS[0], text_storage_id: 'text-1', spellcheck_metrics: null }],
      }),
    ]);
  });

  test('give one slot assignment for each slot that was filled', async () => {
    const records = await published(fixture.topics.slotAssigned);
    expect(records.map(({ key }) => String(key))).toEqual([ESSAYS[0]]);
    expect(records.map(parsed)).toEqual([
      envelope('huleedu.els.essay.slot.assigned.v1', CONTENT_CORRELATION, {
        event: 'essay.slot.assigned',
        batch_id: BATCH,
        essay_id: ESSAYS[0],
        file_upload_id: 'upload-1',
        text_storage_id: 'text-1',
        original_file_name: 'Uppsats å1.docx',
      }),
    ]);
  });

  test('give one excess event for what came to a full batch', async () => {
    const records = await published(fixture.topics.excess);
    expect(records.map(({ key }) => String(key))).toEqual([BATCH]);
    expect(records.map(parsed)).toEqual([
      envelope('huleedu.els.excess.content.provisioned.v1', CONTENT_CORRELATION, {
        event: 'excess.content.provisioned',
        batch_id: BATCH,
        original_file_name: 'Uppsats å2.docx',
        text_storage_id: 'text-2',
        reason: 'NO_AVAILABLE_SLOT',
      }),
    ]);
  });

  test('give events whose headers repeat the envelope', async () => {
    for (const record of await published(fixture.topics.completed)) {
      const headers = Object.fromEntries(Object.entries(record.headers).map(([name, value]) => [name, String(value)]));
      const { event_id, event_type, event_timestamp } = parsed(record);
      expect(headers).toEqual({
        event_id,
        event_type,
        trace_id: REGISTRATION_CORRELATION,
        source_service: 'essay-lifecycle-service',
        schema_version: '1',
        occurred_at: event_timestamp,
        content_type: 'application/json',
      });
    }
  });

  test('are seen in the read API', async () => {
    const batch = await worker.get(`/v1/batches/${BATCH}/status`);
    expect(batch.status).toBe(200);
    const [completion] = await published(fixture.topics.completed);
    expect(batchStatusBody.parse(batch.json())).toMatchObject({
      state: 'complete',
      expected_count: 2,
      open: 0,
      filled: 1,
      failed: 1,
      pending: 0,
      excess: 1,
      completion_percentage: 100,
      completion: { event_id: completion && parsed(completion).event_id, published: true },
    });
    const essay = await worker.get(`/v1/essays/${ESSAYS[0]}/status`);
    expect(essayStatusBody.parse(essay.json())).toMatchObject({
      status: 'filled',
      text_storage_id: 'text-1',
      assigned_by: 'worker-1',
    });
    expect((await worker.get('/v1/batches/nobody/status')).status).toBe(404);
  });
});

describe('the probes of a worker', () => {
  test('say that it is well, and what it is', async () => {
    const isWell = async () => !(await worker.get('/ready')).text.includes('degraded');
    await waitFor(isWell, { deadlineMs: 10_000, what: 'a look after the start' });
    const ready = await worker.get('/ready');
    expect(ready.status).toBe(200);
    expect(readyBody.parse(ready.json())).toEqual({
      status: 'ready',
      checks: {
        database: { status: 'ok' },
        work: { status: 'ok' },
        kafka: { status: 'ok' },
        redis: { status: 'ok' },
        outbox: { status: 'ok' },
      },
    });
    const health = await worker.get('/health');
    expect(healthBody.parse(health.json())).toMatchObject({ status: 'healthy', environment: 'rehearsal' });
    expect(liveBody.parse((await worker.get('/live')).json()).status).toBe('live');
    expect(infoBody.parse((await worker.get('/info')).json())).toMatchObject({
      instance: 'worker-1',
      role: 'worker',
      version: VERSION,
    });
  });

  test('count what it did', async () => {
    await waitFor(async () => (await worker.get('/metrics')).text.includes('els_consumer_lag{'), {
      deadlineMs: 15_000,
      what: 'a first look at the lag',
    });
    expect(await worker.metric('els_inputs_total')).toBe(4);
    expect(await worker.metric('els_messages_published_total')).toBe(3);
    expect(await worker.metric('els_consumer_lag')).toBe(0);
    expect(await worker.metric('els_outbox_unpublished')).toBe(0);
    expect(await worker.metric('els_reconciler_repairs_total')).toBe(0);
    expect((await worker.get('/metrics')).text).toContain(`els_build_info{version="${VERSION}",instance="worker-1"} 1`);
  });
});
