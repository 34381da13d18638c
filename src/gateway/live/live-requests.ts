/** Which batch a live request is about and what its sender has of it, the same for both ways; or why it is refused. */
import type { IncomingHttpHeaders } from 'node:http';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { Principal } from '../access/principal.ts';
import type { LiveConnections } from './live-connections.ts';

const VERSION = /^\d{1,15}$/;

export interface LiveRequest {
  readonly batchId: string;
  /** Null: nothing. */
  readonly after: number | null;
}

export function liveRequest(batchId: string, after: unknown): LiveRequest {
  if (!isUsableId(batchId, ID_LENGTH_MAX)) throw new AppError('INVALID_INPUT', 'batch_id is not an id');
  if (after === undefined || after === null || after === '') return { batchId, after: null };
  if (typeof after !== 'string' || !VERSION.test(after)) {
    throw new AppError('INVALID_INPUT', 'after must be the version of the last message');
  }
  return { batchId, after: Number(after) };
}

/** A browser says which page asks; any other page than one of this host, or of the list, must not read along. */
export function checkOrigin({ origin, host }: IncomingHttpHeaders, allowedOrigins: readonly string[]): void {
  if (origin === undefined || allowedOrigins.includes(origin)) return;
  const asking = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (asking === undefined || asking !== host) {
    throw new RefusedError({ status: 403, code: 'AUTHORIZATION_ERROR', message: 'this origin may not ask' });
  }
}

export function checkRoom(connections: LiveConnections, principal: Principal): void {
  if (connections.isFull) {
    const message = 'this gateway has as many live connections as it takes';
    throw new RefusedError({ status: 503, code: 'CONNECTION_ERROR', message, retryAfterSeconds: 1 });
  }
  if (connections.hasTooMany(principal)) throw tooMany('this user has as many live connections as one may');
}

export function tooManyWatches(): RefusedError {
  return tooMany('this connection watches as many batches as one may');
}

function tooMany(message: string): RefusedError {
  return new RefusedError({ status: 429, code: 'RATE_LIMITED', message, retryAfterSeconds: 10 });
}
