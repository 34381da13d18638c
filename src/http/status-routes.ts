/**
 * The read API. Ids are checked before the database sees them, and requests pass at a bounded rate: whoever reads in a
 * loop gets fewer answers, and the work its speed.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUsableId } from '../contract/text.ts';
import type { StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';
import type { ErrorReply } from './error-reply.ts';
import { Pace } from './pace.ts';
import { batchBody, essayBody } from './status-bodies.ts';

export const ID_LENGTH_MAX = 200;
const WAIT_MS_MAX = 1000;
/** What may come at once after a quiet moment. */
const BURST_MS = 250;

export function addStatusRoutes(
  server: FastifyInstance,
  deps: { readonly status: StatusReader; readonly errors: ErrorReply; readonly readsPerSecondMax: number },
): void {
  const { status, errors } = deps;
  const pace = new Pace({ perSecondMax: deps.readsPerSecondMax, waitMsMax: WAIT_MS_MAX, burstMs: BURST_MS });
  const onRequest = async (_request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (await pace.turn()) return undefined;
    const message = `more than ${deps.readsPerSecondMax} requests per second`;
    return errors.send(reply, { status: 429, code: 'RATE_LIMITED', message, retryAfterSeconds: 1 });
  };

  server.get<{ Params: { batch_id: string } }>('/v1/batches/:batch_id/status', { onRequest }, async (request) => {
    const batchId = checkedId('batch_id', request.params.batch_id);
    const found = await status.batch(batchId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such batch');
    }
    return batchBody(found);
  });

  server.get<{ Params: { essay_id: string } }>('/v1/essays/:essay_id/status', { onRequest }, async (request) => {
    const essayId = checkedId('essay_id', request.params.essay_id);
    const found = await status.essay(essayId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such essay');
    }
    return essayBody(found);
  });
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
