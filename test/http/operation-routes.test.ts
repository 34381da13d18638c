import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { healthBody, infoBody, liveBody, readyBody } from '../../src/contract/http.ts';
import { AppError } from '../../src/errors.ts';
import type { HealthProbe } from '../../src/http/health.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { Phase } from '../../src/lifecycle.ts';
import { httpServerDeps } from '../support/http-server.ts';

const well = (name: HealthProbe['name'], required: boolean): HealthProbe => ({
  name,
  required,
  check: async () => null,
});
const down = (name: HealthProbe['name'], required: boolean): HealthProbe => ({
  name,
  required,
  check: async () => {
    throw new AppError('UNAVAILABLE', 'connect ECONNREFUSED 10.1.2.3:5432');
  },
});
const ALL_WELL = [well('database', true), well('kafka', true), well('redis', false), well('outbox', false)];

function serverWith(probes: HealthProbe[], phase: Phase = 'running') {
  return createHttpServer(httpServerDeps({ probes, phase: () => phase }).deps);
}

describe('readiness', () => {
  test('is 200 when every dependency answers', async () => {
    const reply = await serverWith(ALL_WELL).inject('/ready');
    expect(reply.statusCode).toBe(200);
    expect(readyBody.strict().parse(reply.json())).toEqual({
      status: 'ready',
      checks: {
        database: { status: 'ok' },
        kafka: { status: 'ok' },
        redis: { status: 'ok' },
        outbox: { status: 'ok' },
      },
    });
  });

  test.each(['database', 'kafka'] as const)('is 503 without %s, and says so without addresses', async (name) => {
    const probes = ALL_WELL.map((probe) => (probe.name === name ? down(name, true) : probe));
    const reply = await serverWith(probes).inject('/ready');
    expect(reply.statusCode).toBe(503);
    expect(readyBody.parse(reply.json())).toMatchObject({
      status: 'not_ready',
      checks: { [name]: { status: 'failed', detail: 'unavailable' }, redis: { status: 'ok' } },
    });
    expect(reply.payload).not.toContain('10.1.2.3');
  });

  test('is 200 without Redis, which is then degraded', async () => {
    const probes = ALL_WELL.map((probe) => (probe.name === 'redis' ? down('redis', false) : probe));
    const reply = await serverWith(probes).inject('/ready');
    expect(reply.statusCode).toBe(200);
    expect(readyBody.parse(reply.json()).checks['redis']).toEqual({ status: 'degraded', detail: 'unavailable' });
  });

  test.each([
    ['starting', 'starting'],
    ['stopping', 'draining'],
  ] as const)('is 503 while %s', async (phase, status) => {
    const reply = await serverWith(ALL_WELL, phase).inject('/ready');
    expect(reply.statusCode).toBe(503);
    expect(readyBody.parse(reply.json()).status).toBe(status);
  });

  test('does not wait for a dependency that hangs, and asks it only once', async () => {
    let asked = 0;
    const hanging: HealthProbe = {
      name: 'database',
      required: true,
      check: () => {
        asked += 1;
        return new Promise(() => {});
      },
    };
    const server = serverWith([hanging, well('kafka', true)]);
    const replies = await Promise.all([server.inject('/ready'), server.inject('/ready')]);
    replies.push(await server.inject('/health'));
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503]);
    expect(replies[0]?.json().checks.database.detail).toBe('no answer within 100 ms');
    expect(asked).toBe(1);
  });

  test('comes back with the dependency', async () => {
    let detail: string | null = 'no partitions assigned';
    const server = serverWith([{ name: 'kafka', required: true, check: async () => detail }]);
    expect((await server.inject('/ready')).json().checks.kafka.detail).toBe('no partitions assigned');
    detail = null;
    expect((await server.inject('/ready')).statusCode).toBe(200);
  });
});

describe('liveness', () => {
  test('is 200 whatever happens to the dependencies, and asks none', async () => {
    const probe: HealthProbe = {
      name: 'database',
      required: true,
      check: () => {
        throw new Error('asked');
      },
    };
    for (const phase of ['starting', 'running', 'stopping'] as const) {
      const { deps, logged } = httpServerDeps({ probes: [probe], phase: () => phase });
      const reply = await createHttpServer(deps).inject('/live');
      expect(reply.statusCode).toBe(200);
      expect(liveBody.strict().parse(reply.json()).status).toBe('live');
      expect(logged).toEqual([]);
    }
  });
});

describe('health', () => {
  test.each(['/health', '/healthz'])('%s has the shape that existing callers know', async (path) => {
    const reply = await serverWith(ALL_WELL).inject(path);
    expect(reply.statusCode).toBe(200);
    expect(healthBody.strict().parse(reply.json())).toMatchObject({
      service: 'essay-lifecycle-service',
      status: 'healthy',
      checks: { service_responsive: true, dependencies_available: true },
      environment: 'test',
    });
  });

  test('is degraded without Redis and unhealthy without the database', async () => {
    const degraded = await serverWith([well('database', true), down('redis', false)]).inject('/health');
    expect([degraded.statusCode, degraded.json().status]).toEqual([200, 'degraded']);
    const unhealthy = await serverWith([down('database', true), well('redis', false)]).inject('/health');
    expect([unhealthy.statusCode, unhealthy.json().status]).toEqual([503, 'unhealthy']);
    expect(unhealthy.json().message).toBe('not well: database');
  });
});

test('info tells who this is', async () => {
  const body = infoBody.strict().parse((await serverWith([]).inject('/info')).json());
  expect(body).toMatchObject({ instance: 'test-1', role: 'worker', started_at: '1970-01-01T00:00:00.000Z' });
});

test('the description of the API is the one that is documented', async () => {
  const reply = await serverWith([]).inject('/openapi.json');
  const documented = parse(readFileSync('docs/openapi.yaml', 'utf8')) as unknown;
  expect([reply.statusCode, reply.json()]).toEqual([200, documented]);
});

test('metrics tell build, process and event-loop delay in the text format of Prometheus', async () => {
  const { deps, processMetrics } = httpServerDeps();
  const server = createHttpServer(deps);
  await processMetrics.start();
  const lagOf = (text: string) => Number(/^els_event_loop_lag_seconds (.+)$/m.exec(text)?.[1]);
  const deadlineMs = performance.now() + 4000;
  let reply = await server.inject('/metrics');
  while (lagOf(reply.payload) < 0.02 && performance.now() < deadlineMs) {
    // Longer than the time between two looks at the delay.
    block(200);
    await new Promise((resolve) => setImmediate(resolve));
    reply = await server.inject('/metrics');
  }
  await processMetrics.stop();
  expect(reply.statusCode).toBe(200);
  expect(reply.headers['content-type']).toMatch(/^text\/plain/);
  expect(reply.payload).toContain('els_build_info{version="1.2.3",instance="test"} 1');
  expect(reply.payload).toContain('process_resident_memory_bytes');
  expect(lagOf(reply.payload)).toBeGreaterThanOrEqual(0.02);
});

function block(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}
