/**
 * Who may ask what, before anything is done for him. Guarantees: every path below `/v1/` needs a scope, one without a rule
 * here is answered to nobody; somebody else's batch is 404 on every path that names it; each user has his share of
 * requests. Probes and metrics ask nobody: they are not for the outside, and nginx does not pass them.
 */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { BatchOwnership } from './batch-ownership.ts';
import type { Identification } from './identification.ts';
import type { Principal, Scope } from './principal.ts';
import { forbidden, noSuch, outOfScope } from './refusals.ts';
import type { RequestCounts } from './request-counts.ts';

const WRITES_INTO_BATCH = 'upload';
type Need = Scope | typeof WRITES_INTO_BATCH;

const READ: Need = 'batches:read';
const NEEDS: Readonly<Record<string, Readonly<Record<string, Need>>>> = {
  '/v1/batches': { GET: READ, HEAD: READ, POST: 'batches:write' },
  '/v1/batches/:batch_id/status': { GET: READ, HEAD: READ },
  '/v1/batches/:batch_id/slots': { GET: READ, HEAD: READ },
  '/v1/batches/:batch_id/excess': { GET: READ, HEAD: READ },
  '/v1/batches/:batch_id/failures': { GET: READ, HEAD: READ, POST: WRITES_INTO_BATCH },
  '/v1/batches/:batch_id/contents': { POST: WRITES_INTO_BATCH },
  '/v1/batches/:batch_id/live': { GET: READ, HEAD: READ },
  '/v1/essays/:essay_id/status': { GET: READ, HEAD: READ },
  '/v1/live/tickets': { POST: READ },
  '/v1/gateways': { GET: 'operate', HEAD: 'operate' },
};
/** What the page of this host needs, and nothing from elsewhere. */
const CONTENT_SECURITY = {
  defaultSrc: ["'none'"],
  baseUri: ["'none'"],
  connectSrc: ["'self'"],
  fontSrc: ["'self'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
  imgSrc: ["'self'", 'data:'],
  manifestSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
};

export interface AccessDeps {
  readonly identification: Identification;
  readonly ownership: BatchOwnership;
  readonly counts: RequestCounts;
  readonly requestsPerWindowMax: number;
  readonly windowMs: number;
  readonly allowedOrigins: readonly string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal;
  }
}

export function addAccess(server: FastifyInstance, deps: AccessDeps): void {
  const { allowedOrigins } = deps;
  // First, so that a page of an allowed origin can read what it is refused.
  server.register(cors, {
    origin: allowedOrigins.length === 0 ? false : [...allowedOrigins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'if-none-match',
      'last-event-id',
      'x-correlation-id',
    ],
    exposedHeaders: ['etag', 'retry-after', 'www-authenticate', 'x-correlation-id'],
    maxAge: 600,
  });
  server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY },
    // Who may read an answer from elsewhere is said by the list of origins.
    crossOriginResourcePolicy: { policy: allowedOrigins.length === 0 ? 'same-origin' : 'cross-origin' },
  });
  const store = function store() {
    return deps.counts;
  } as unknown as FastifyRateLimitStoreCtor;
  server.register(rateLimit, { global: false, store });
  server.decorateRequest('principal');
  server.after(() => addHooks(server, deps));
}

function addHooks(server: FastifyInstance, deps: AccessDeps): void {
  const { identification, ownership } = deps;
  server.addHook('onRequest', async (request) => {
    const needs = NEEDS[request.routeOptions.url ?? ''];
    if (needs === undefined) {
      if (request.routeOptions.url?.startsWith('/v1/') === true) throw forbidden('nobody may ask for this');
      return;
    }
    const need = needs[request.method];
    // Any other method is refused by its route.
    if (need === undefined) return;
    request.principal = await identification.identify(request.headers, ticketOf(request));
    checkNeed(request.principal, need, request.params);
  });
  server.addHook(
    'onRequest',
    server.rateLimit({
      max: deps.requestsPerWindowMax,
      timeWindow: deps.windowMs,
      // Probes have none.
      keyGenerator: ({ principal }: Partial<FastifyRequest>) => principal?.subject ?? '',
      allowList: ({ principal }: Partial<FastifyRequest>) => principal === undefined || !isLimited(principal),
      errorResponseBuilder: (_request, { max, ttl }) => tooManyOf(max, ttl),
    }),
  );
  server.addHook('preHandler', async ({ principal, method, params }) => {
    if (principal === undefined || method === 'POST') return;
    const { batch_id: batchId, essay_id: essayId } = params as { batch_id?: string; essay_id?: string };
    // What is no id is told so by its route.
    const isId = (text: string | undefined): text is string => text !== undefined && isUsableId(text, ID_LENGTH_MAX);
    if (isId(batchId) && !(await ownership.sees(principal, batchId))) throw noSuch('batch');
    if (isId(essayId) && !(await ownership.seesEssay(principal, essayId))) throw noSuch('essay');
  });
}

export function checkScope({ scopes, uploadsInto }: Principal, scope: Scope): void {
  if (uploadsInto !== null) throw forbidden('an upload token is for uploads only');
  if (!scopes.has(scope)) throw outOfScope(scope);
}

function checkNeed(principal: Principal, need: Need, params: unknown): void {
  if (need !== WRITES_INTO_BATCH) {
    const isService = need === 'batches:write' && principal.scopes.has('batches:write:all');
    if (!isService) checkScope(principal, need);
    return;
  }
  const { batch_id: batchId } = params as { batch_id: string };
  if (principal.scopes.has('batches:write:all') || principal.uploadsInto === batchId) return;
  throw principal.uploadsInto === null
    ? outOfScope('batches:write:all')
    : forbidden('this upload token is for another batch');
}

/** Of a stream, which cannot show a token in a browser. */
function ticketOf({ routeOptions, query }: FastifyRequest): string | undefined {
  const { ticket } = query as { ticket?: unknown };
  return routeOptions.url?.endsWith('/live') === true && typeof ticket === 'string' ? ticket : undefined;
}

/** Services have no share: they carry what many users do. */
function isLimited({ isAnybody, scopes }: Principal): boolean {
  return !isAnybody && !scopes.has('batches:write:all');
}

function tooManyOf(max: number, endsInMs: number): RefusedError {
  const message = `more than ${max} requests of this user`;
  const retryAfterSeconds = Math.max(1, Math.ceil(endsInMs / 1000));
  return new RefusedError({ status: 429, code: 'RATE_LIMITED', message, retryAfterSeconds });
}
