/** The read API. Ids are checked before the database sees them. */
import type { FastifyInstance } from 'fastify';
import { isUsableId } from '../contract/text.ts';
import type { StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';
import { batchBody, essayBody } from './status-bodies.ts';

export const ID_LENGTH_MAX = 200;

export function addStatusRoutes(server: FastifyInstance, status: StatusReader): void {
  server.get<{ Params: { batch_id: string } }>('/v1/batches/:batch_id/status', async (request) => {
    const batchId = checkedId('batch_id', request.params.batch_id);
    const found = await status.batch(batchId);
    if (found === null) {
      throw new AppError('NOT_FOUND', 'no such batch');
    }
    return batchBody(found);
  });

  server.get<{ Params: { essay_id: string } }>('/v1/essays/:essay_id/status', async (request) => {
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
