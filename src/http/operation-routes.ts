/**
 * What orchestrators, load balancers and Prometheus ask. `/live` looks at nothing but the event loop: a broken
 * dependency is no reason to restart. `/ready` is 503 while starting, draining or cut off from what the work needs.
 */
import type { FastifyInstance } from 'fastify';
import type { HealthBody, InfoBody, LiveBody, ReadyBody } from '../contract/http.ts';
import { openApi } from '../contract/openapi/openapi.ts';
import type { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { SERVICE, VERSION } from '../version.ts';
import type { Health, HealthCheck } from './health.ts';

export interface Identity {
  readonly instance: string;
  readonly role: 'worker' | 'gateway';
  readonly environment: string;
  readonly startedAtMs: number;
}

export function addOperationRoutes(
  server: FastifyInstance,
  deps: { readonly health: HealthCheck; readonly metrics: Pick<ProcessMetrics, 'scrape'>; readonly identity: Identity },
): void {
  const { health, metrics, identity } = deps;

  for (const path of ['/health', '/healthz']) {
    server.get(path, async (_request, reply): Promise<HealthBody> => {
      const state = await health.read();
      reply.code(state.available ? 200 : 503);
      return healthBody(state, identity.environment);
    });
  }

  server.get('/ready', async (_request, reply): Promise<ReadyBody> => {
    const state = await health.read();
    const status = readiness(state);
    reply.code(status === 'ready' ? 200 : 503);
    return { status, checks: state.dependencies };
  });

  server.get('/live', async (): Promise<LiveBody> => ({ status: 'live', uptime_seconds: process.uptime() }));

  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics.scrape();
    return reply.type(contentType).send(text);
  });

  server.get('/info', async (): Promise<InfoBody> => {
    return {
      service: SERVICE,
      version: VERSION,
      instance: identity.instance,
      role: identity.role,
      node_version: process.version,
      started_at: new Date(identity.startedAtMs).toISOString(),
    };
  });

  let description: string | undefined;
  server.get('/openapi.json', async (_request, reply) => {
    // Takes some 20 ms, so not at start.
    description ??= JSON.stringify(openApi(VERSION));
    return reply.type('application/json').send(description);
  });
}

function readiness(health: Health): ReadyBody['status'] {
  switch (health.phase) {
    case 'starting':
      return 'starting';
    case 'stopping':
      return 'draining';
    case 'running':
      return health.available ? 'ready' : 'not_ready';
  }
}

function healthBody(health: Health, environment: string): HealthBody {
  const status = !health.available ? 'unhealthy' : health.complete ? 'healthy' : 'degraded';
  const missing = Object.keys(health.dependencies).filter((name) => health.dependencies[name]?.status !== 'ok');
  return {
    service: SERVICE,
    status,
    message: missing.length === 0 ? 'all dependencies answer' : `not well: ${missing.join(', ')}`,
    version: VERSION,
    checks: { service_responsive: true, dependencies_available: health.available },
    dependencies: health.dependencies,
    environment,
  };
}
