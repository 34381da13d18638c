/**
 * The read API. Ids are checked before the database sees them, and requests pass at a bounded rate: whoever reads in a
 * loop gets fewer answers, and the work its speed.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ID_LENGTH_MAX, isUsableId } from '../contract/text.ts';
import type { StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';
import { BoundedReader } from './bounded-reader.ts';
import { type ErrorReply, tooMany } from './error-reply.ts';
import { Pace } from './pace.ts';
import { batchBody, essayBody } from './status-bodies.ts';

/** At a time: those that have a connection, and as many as those are through with before anybody gets impatient. */
const READS_MAX = 32;
const WAIT_MS_MAX = 1000;
/** What may come at once after a quiet moment. */
const BURST_MS = 250;
const TAG_LENGTH = 22;

export function addStatusRoutes(
  server: FastifyInstance,
  deps: { readonly status: StatusReader; readonly errors: ErrorReply; readonly readsPerSecondMax: number },
): void {
  const { errors } = deps;
  const status = new BoundedReader(deps.status, READS_MAX);
  const pace = new Pace({ perSecondMax: deps.readsPerSecondMax, waitMsMax: WAIT_MS_MAX, burstMs: BURST_MS });
  const onRequest = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (await pace.turn()) return undefined;
    return errors.send(reply, tooMany(deps.readsPerSecondMax));
  };

  server.get<{ Params: { batch_id: string } }>(
    '/v1/batches/:batch_id/status',
    { onRequest },
    async (request, reply) => {
      const batchId = checkedId('batch_id', request.params.batch_id);
      const found = await status.batch(batchId);
      if (found === null) {
        throw new AppError('NOT_FOUND', 'no such batch');
      }
      return answerTagged(request, reply, batchBody(found));
    },
  );

  server.get<{ Params: { essay_id: string } }>('/v1/essays/:essay_id/status', { onRequest }, async (request, reply) => {
    const essayId = checkedId('essay_id', request.params.essay_id);
    const found = await status.essay(essayId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such essay');
    }
    return answerTagged(request, reply, essayBody(found));
  });
}

/** Who has this answer already is told only that. Of the whole answer: counts of what waits have no version. */
function answerTagged(request: FastifyRequest, reply: FastifyReply, body: object): FastifyReply {
  const text = JSON.stringify(body);
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, TAG_LENGTH)}"`;
  reply.headers({ etag: tag, 'cache-control': 'no-cache' });
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  return reply.type('application/json; charset=utf-8').send(text);
}

function checkedId(name: string, text: string): string {
  if (!isUsableId(text, ID_LENGTH_MAX)) {
    throw new AppError(
      'INVALID_INPUT',
      `${name} must be 1 to ${ID_LENGTH_MAX} characters, without control characters or space at the edges`,
    );
  }
  return text;
}
