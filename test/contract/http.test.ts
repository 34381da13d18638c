import fc from 'fast-check';
import {
  batchStatusBody,
  completionPercentage,
  errorBody,
  essayStatusBody,
  healthBody,
  infoBody,
  liveBody,
  readyBody,
} from '../../src/contract/http.ts';

const TIME = '2025-11-03T09:30:00.000Z';
const ANNOUNCED = {
  batch_id: 'batch-1',
  state: 'announced',
  expected_count: null,
  open: 0,
  filled: 0,
  failed: 0,
  pending: 2,
  excess: 0,
  version: 1,
  registered_at: null,
  completed_at: null,
  erased_at: null,
  total_essays: 0,
  status_breakdown: { open: 0, filled: 0, failed: 0 },
  completion_percentage: 0,
  completion: null,
};

test('a batch is described before its registration and after its completion', () => {
  const complete = {
    ...ANNOUNCED,
    state: 'complete',
    expected_count: 3,
    filled: 2,
    failed: 1,
    pending: 0,
    registered_at: TIME,
    completed_at: TIME,
    erased_at: TIME,
    total_essays: 3,
    status_breakdown: { open: 0, filled: 2, failed: 1 },
    completion_percentage: 100,
    completion: { event_id: '0df3db3b-b7ed-5b19-9187-1c1c7a53dbec', published: false },
  };
  expect(batchStatusBody.parse(ANNOUNCED)).toEqual(ANNOUNCED);
  expect(batchStatusBody.parse(complete)).toEqual(complete);
  expect(batchStatusBody.safeParse({ ...complete, open: -1 }).success).toBe(false);
  expect(batchStatusBody.safeParse({ ...complete, state: 'closed' }).success).toBe(false);
});

test('the percentage is 100 exactly when no slot is open', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(1_000_000), (expected, open) => {
      fc.pre(open <= expected);
      const percentage = completionPercentage(expected, open);
      expect(percentage === 100).toBe(open === 0);
      expect(percentage).toBeGreaterThanOrEqual(0);
      expect(percentage).toBeLessThanOrEqual(100);
    }),
  );
  expect(completionPercentage(3, 2)).toBe(33.3);
  expect(completionPercentage(null, 0)).toBe(0);
});

test('an open slot has no content yet', () => {
  const body = {
    essay_id: 'essay-1',
    batch_id: 'batch-1',
    status: 'open',
    current_status: 'open',
    position: 0,
    text_storage_id: null,
    file_upload_id: null,
    original_file_name: null,
    assigned_at: null,
    assigned_by: null,
    batch_version: null,
  };
  expect(essayStatusBody.parse(body)).toEqual(body);
});

test('an error has the shape that existing callers know', () => {
  const error = {
    code: 'RESOURCE_NOT_FOUND',
    message: 'No such batch.',
    correlation_id: 'c-1',
    service: 'essay-lifecycle-service',
    timestamp: TIME,
    details: { batch_id: 'batch-1' },
  };
  expect(errorBody.parse({ error })).toEqual({ error });
  expect(errorBody.safeParse({ error: { ...error, code: 'OOPS' } }).success).toBe(false);
});

test('probes have bodies', () => {
  const service = { service: 'essay-lifecycle-service', version: '0.1.0' };
  const checks = { service_responsive: true, dependencies_available: false };
  const dependencies = { database: { status: 'failed', detail: 'no answer' } };
  const health = { ...service, status: 'unhealthy', message: 'x', checks, dependencies, environment: 'test' };
  expect(healthBody.parse(health)).toEqual(health);
  expect(readyBody.safeParse({ status: 'draining', checks: { kafka: { status: 'ok' } } }).success).toBe(true);
  expect(liveBody.safeParse({ status: 'live', uptime_seconds: 1.5 }).success).toBe(true);
  const info = { ...service, instance: 'worker-1', role: 'worker', node_version: 'v20.11.0', started_at: TIME };
  expect(infoBody.safeParse(info).success).toBe(true);
});
