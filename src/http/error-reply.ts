/**
 * From an error to a status code and a body, here only. Callers learn what they did wrong and whether to come back;
 * what went wrong inside goes to the log, found again by the correlation id.
 */
import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorBody } from '../contract/http.ts';
import type { Clock } from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { SERVICE } from '../version.ts';

const WARN_INTERVAL_MS = 10_000;
const PROBLEM_TYPE = 'application/problem+json';

export class ErrorReply {
  private readonly clock: Clock;
  private readonly log: Logger;
  private warnedAtMs = Number.NEGATIVE_INFINITY;
  private unloggedCount = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.clock = deps.clock;
    this.log = deps.log;
  }

  body(refusal: Refusal, correlationId: string, asProblem = isProblem(refusal)): ErrorBody {
    return {
      ...(asProblem && {
        type: 'about:blank',
        title: STATUS_CODES[refusal.status] ?? 'Refused',
        status: refusal.status,
        detail: refusal.message,
      }),
      error: {
        code: refusal.code,
        message: refusal.message,
        correlation_id: correlationId,
        service: SERVICE,
        timestamp: new Date(this.clock.nowMs()).toISOString(),
        details: refusal.details ?? {},
      },
    };
  }

  send(reply: FastifyReply, refusal: Refusal): FastifyReply {
    const asProblem = isProblem(refusal) || reply.request.headers.accept?.includes(PROBLEM_TYPE) === true;
    return reply
      .code(refusal.status)
      .headers(headersOf(refusal, asProblem))
      .send(JSON.stringify(this.body(refusal, reply.request.id, asProblem)));
  }

  /** A whole answer where no route can give it, on a connection that ends with it. */
  raw(refusal: Refusal, correlationId: string): string {
    const body = JSON.stringify(this.body(refusal, correlationId));
    const headers = { ...headersOf(refusal), 'x-correlation-id': correlationId, connection: 'close' };
    return [
      `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? 'Refused'}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n');
  }

  /** For anything thrown on the way. */
  sendThrown(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = refusalOf(error);
    const fields = { err: error, correlationId: request.id, route: request.routeOptions.url ?? 'unknown' };
    // Everybody who asks meets the same trouble of a dependency; a mistake of ours is looked for by its correlation id.
    if (refusal.status === 503) this.warnNowAndThen(fields);
    else if (refusal.status >= 500) this.log.error(fields, 'request failed');
    return this.send(reply, refusal);
  }

  private warnNowAndThen(fields: object): void {
    const nowMs = performance.now();
    this.unloggedCount += 1;
    if (nowMs - this.warnedAtMs < WARN_INTERVAL_MS) return;
    this.log.warn({ ...fields, count: this.unloggedCount }, 'requests refused for now');
    this.warnedAtMs = nowMs;
    this.unloggedCount = 0;
  }
}

export interface Refusal {
  readonly status: number;
  readonly code: ErrorBody['error']['code'];
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a route that says itself what its caller is told. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

export function tooMany(perSecondMax: number): Refusal {
  const message = `more than ${perSecondMax} requests per second`;
  return { status: 429, code: 'RATE_LIMITED', message, retryAfterSeconds: 1 };
}

/**
 * Who asks for the words of RFC 9457 gets them beside ours. Who may not is told so in them always: whatever sits between
 * reads no other body.
 */
function isProblem({ status }: Refusal): boolean {
  return status === 401 || status === 403;
}

function headersOf(refusal: Refusal, asProblem = isProblem(refusal)): Record<string, string> {
  return {
    'content-type': asProblem ? PROBLEM_TYPE : 'application/json; charset=utf-8',
    ...(refusal.retryAfterSeconds !== undefined && { 'retry-after': String(refusal.retryAfterSeconds) }),
    ...refusal.headers,
  };
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusedError) return error.refusal;
  if (error instanceof AppError) {
    if (error.code === 'INVALID_INPUT') {
      return { status: 400, code: 'VALIDATION_ERROR', message: error.message };
    }
    if (error.code === 'NOT_FOUND') {
      return { status: 404, code: 'RESOURCE_NOT_FOUND', message: error.message };
    }
    if (error.retryable) {
      const message = 'a dependency does not answer; try again';
      return { status: 503, code: 'CONNECTION_ERROR', message, retryAfterSeconds: 1 };
    }
  }
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, code: 'VALIDATION_ERROR', message: STATUS_CODES[status] ?? 'request refused' };
  }
  return { status: 500, code: 'PROCESSING_ERROR', message: 'internal error' };
}
