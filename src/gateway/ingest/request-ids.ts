/**
 * Ids for what one request makes. Under an idempotency key they follow from key, path and body, so that whichever
 * gateway gets the repeat makes the same records again and the worker sees duplicates. The body counts because a key that
 * is used twice by mistake must not make two different inputs look like one: neither may vanish behind a 202.
 */
import { createHash, randomUUID } from 'node:crypto';
import { requestedId } from '../../contract/event-id.ts';
import { isUsableId } from '../../contract/text.ts';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { RecentKeys } from './recent-keys.ts';

const KEY_LENGTH_MAX = 200;

export type MakeId = (kind: 'batch' | 'essay' | 'event', index: number) => string;

export function idsOfRequest(
  request: { readonly path: string; readonly key: unknown; readonly body: unknown },
  recent: RecentKeys,
): MakeId {
  const { path, key, body } = request;
  if (key === undefined) return () => randomUUID();
  if (typeof key !== 'string' || !isUsableId(key, KEY_LENGTH_MAX)) {
    throw new AppError('INVALID_INPUT', `Idempotency-Key must be 1 to ${KEY_LENGTH_MAX} characters`);
  }
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('base64');
  if (!recent.agrees(`${path}\n${key}`, digest)) {
    const message = 'this Idempotency-Key was used for something else';
    throw new RefusedError({ status: 409, code: 'CONFLICT', message });
  }
  return (kind, index) => requestedId(kind, [path, key, digest, String(index)]);
}
