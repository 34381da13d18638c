/** The HTTP surface: the routes as a server without a port, and that server on a port. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, fastify, type RouteOptions } from 'fastify';
import { ID_LENGTH_MAX } from '../contract/text.ts';
import type { Clock } from '../domain/ports.ts';
import type { StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';
import type { Service } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ProcessMetrics } from '../telemetry/process-metrics.ts';
import { limitConnections } from './connection-limit.ts';
import { ErrorReply, tooMany } from './error-reply.ts';
import type { HealthCheck } from './health.ts';
import { addOperationRoutes, type Identity } from './operation-routes.ts';
import { Pace } from './pace.ts';
import { addStatusRoutes } from './status-routes.ts';

/** A character of an id takes at most nine in a path: three bytes, percent-encoded. */
const PARAMETER_LENGTH_MAX = ID_LENGTH_MAX * 9;
const HEADER_BYTES_MAX = 8192;
const BODY_BYTES_MAX = 1024;
const REQUEST_MS_MAX = 10_000;
const HEADERS_MS_MAX = 5000;
const CHECK_INTERVAL_MS = 1000;
/** Of a worker's file descriptors, most are for Kafka and PostgreSQL. */
const CONNECTIONS_MAX = 256;
const KEEP_ALIVE_MS = 10_000;
/**
 * Of requests that are no reads: far more than probes need, and little of a core. With CONNECTIONS_MAX callers in a loop
 * each waits half a second, so no probe is refused.
 */
const OTHERS = { perSecondMax: 500, waitMsMax: 1000, burstMs: 250 };
const READS = '/v1/';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const CLOSE_MS_MAX = 2000;

export interface HttpServerDeps {
  /** Null: this process serves no read API. */
  readonly status: StatusReader | null;
  readonly readsPerSecondMax: number;
  /** Durations by route, method and class of the status code. */
  readonly requests: Metrics['httpRequests'];
  readonly health: HealthCheck;
  readonly metrics: Pick<ProcessMetrics, 'scrape'>;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Logger;
  /** What only this process serves, below `/v1/`, each with a limit of its own. */
  readonly addRoutes?: (server: FastifyInstance, errors: ErrorReply) => void;
  /** If not given, what a worker can spare. */
  readonly connectionsMax?: number;
}

/**
 * The routes, without a port: every answer JSON but the metrics, every error in the one error body.
 * The correlation id of a request is its X-Correlation-ID where that is a UUID, else a new one; it is on every answer.
 */
export function createHttpServer(deps: HttpServerDeps): FastifyInstance {
  const errors = new ErrorReply(deps);
  const server = fastify({
    logger: false,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    routerOptions: { maxParamLength: PARAMETER_LENGTH_MAX },
    genReqId: (request) => {
      const given = request.headers['x-correlation-id'];
      return typeof given === 'string' && UUID.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-correlation-id', request.id);
      errors.sendThrown(error, request, reply);
    },
    clientErrorHandler: (error, socket) => answerRaw(errors, error, socket),
  });
  limitConnections(server.server, deps.connectionsMax ?? CONNECTIONS_MAX);
  const pace = new Pace(OTHERS);
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-correlation-id', request.id);
    // Reads have a rate of their own.
    if (request.routeOptions.url?.startsWith(READS) === true || (await pace.turn())) return undefined;
    return errors.send(reply, tooMany(OTHERS.perSecondMax));
  });
  server.addHook('onResponse', async (request, reply) => {
    // By the route's pattern: what is in a path is for whoever asked.
    const route = request.routeOptions.url ?? 'none';
    const status = `${Math.floor(reply.statusCode / 100)}xx`;
    deps.requests.observe({ route, method: request.method, status }, reply.elapsedTime / 1000);
  });
  server.setErrorHandler((error, request, reply) => errors.sendThrown(error, request, reply));
  server.setNotFoundHandler((_request, reply) =>
    errors.send(reply, { status: 404, code: 'RESOURCE_NOT_FOUND', message: 'no such resource' }),
  );
  const refuseOthers = notingMethods(server, errors);
  addOperationRoutes(server, deps);
  if (deps.status !== null) {
    addStatusRoutes(server, { status: deps.status, errors, readsPerSecondMax: deps.readsPerSecondMax });
  }
  deps.addRoutes?.(server, errors);
  refuseOthers();
  return server;
}

/** Call what it returns after the last route: it gives each path a 405 for every other method, before a body is looked at. */
function notingMethods(server: FastifyInstance, errors: ErrorReply): () => void {
  const allowed = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const methods = allowed.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    allowed.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...allowed]) {
      const names = [...methods];
      server.route({
        method: server.supportedMethods.filter((method) => !methods.has(method)),
        url,
        onRequest: async (_request, reply) => {
          reply.header('allow', names.join(', '));
          return errors.send(reply, {
            status: 405,
            code: 'METHOD_NOT_ALLOWED',
            message: `only ${names.join(' and ')}`,
          });
        },
        handler: async () => undefined,
      });
    }
  };
}

/** What is not even HTTP, or has too large headers, never reaches a route. */
function answerRaw(errors: ErrorReply, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const message = STATUS_CODES[status] ?? 'Bad Request';
  socket.end(errors.raw({ status, code: 'VALIDATION_ERROR', message }, randomUUID()));
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** Somebody set it, and looks for us there and nowhere else. */
  readonly isPortChosen: boolean;
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

/** Stopping lets running requests finish for a moment, then cuts them. */
export class HttpServer implements Service {
  readonly name = 'http';
  private readonly server: FastifyInstance;
  private stopped: Promise<void> | undefined;

  constructor(private readonly deps: HttpServerDeps & Place) {
    this.server = createHttpServer(deps);
  }

  async start(): Promise<void> {
    if (this.server.server.listening) {
      return;
    }
    const { host, port, isPortChosen } = this.deps;
    try {
      await this.server.listen({ host, port });
    } catch (error) {
      if (!isPortChosen && isTaken(error)) {
        await this.listenAnywhere();
        return;
      }
      const cause = new Error('set HTTP_PORT, 0 takes a free one', { cause: error });
      throw new AppError('CONFIG_INVALID', `cannot listen on ${host}:${port}`, { cause });
    }
    this.deps.log.info({ host, port: this.port }, 'http listening');
  }

  /** Another worker on this machine has the port that nobody asked for. */
  private async listenAnywhere(): Promise<void> {
    const { host, port: taken, log } = this.deps;
    await this.server.listen({ host, port: 0 });
    log.info({ host, port: this.port, taken }, 'http listening');
  }

  /** The port in use; 0 when not listening. */
  get port(): number {
    return (this.server.server.address() as AddressInfo | null)?.port ?? 0;
  }

  stop(): Promise<void> {
    this.stopped ??= this.close();
    return this.stopped;
  }

  private async close(): Promise<void> {
    const timer = setTimeout(() => this.server.server.closeAllConnections(), CLOSE_MS_MAX);
    await this.server.close();
    clearTimeout(timer);
  }
}
