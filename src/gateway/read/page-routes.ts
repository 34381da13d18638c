/**
 * What a batch holds, in pages of at most a thousand: `next` of an answer is `after` of the next request, null at the
 * end.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isoTime } from '../../contract/http.ts';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import type { BatchPages } from '../../domain/pages.ts';
import type { StatusReader } from '../../domain/status.ts';
import { AppError } from '../../errors.ts';
import type { ReadGate } from './read-gate.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

export interface PageDeps {
  readonly pages: BatchPages;
  /** Asked whether an empty page belongs to a batch at all. */
  readonly status: StatusReader;
  readonly gate: ReadGate;
}

interface Asked {
  readonly batchId: string;
  /** '' at the beginning. */
  readonly after: string;
  readonly itemsMax: number;
}

interface Page {
  readonly items: readonly object[];
  /** Of the last item. */
  readonly end: string;
}

interface PageRoute {
  Params: { batch_id: string };
  Querystring: Record<string, unknown>;
}

export function addPageRoutes(server: FastifyInstance, deps: PageDeps): void {
  const { pages, gate } = deps;
  const add = (name: string, read: (asked: Asked) => Promise<Page>): void => {
    server.get<PageRoute>(`/v1/batches/:batch_id/${name}`, { onRequest: gate.onRequest }, async (request) => {
      const asked = askedBy(request);
      return gate.run(async () => {
        const { items, end } = await read(asked);
        const isNothing = items.length === 0 && asked.after === '';
        if (isNothing && (await deps.status.batch(asked.batchId)) === null) {
          throw new AppError('NOT_FOUND', 'no such batch');
        }
        return { batch_id: asked.batchId, [name]: items, next: items.length < asked.itemsMax ? null : end };
      });
    });
  };

  add('slots', async ({ batchId, after, itemsMax }) => {
    const found = await pages.slots(batchId, positionOf(after), itemsMax);
    const items = found.map((slot) => ({
      essay_id: slot.essayId,
      position: slot.position,
      status: slot.status,
      text_storage_id: slot.textStorageId,
      file_upload_id: slot.fileUploadId,
      original_file_name: slot.originalFileName,
      assigned_at: isoTime(slot.assignedAtMs),
      assigned_by: slot.assignedBy,
      batch_version: slot.batchVersion,
    }));
    return { items, end: String(found.at(-1)?.position ?? '') };
  });

  add('excess', async ({ batchId, after, itemsMax }) => {
    const found = await pages.excess(batchId, after, itemsMax);
    const items = found.map((content) => ({
      text_storage_id: content.textStorageId,
      file_upload_id: content.fileUploadId,
      original_file_name: content.originalFileName,
      recorded_at: isoTime(content.recordedAtMs),
    }));
    return { items, end: found.at(-1)?.textStorageId ?? '' };
  });

  add('failures', async ({ batchId, after, itemsMax }) => {
    const found = await pages.failures(batchId, after, itemsMax);
    const items = found.map((failure) => ({
      file_upload_id: failure.fileUploadId,
      essay_id: failure.essayId,
      original_file_name: failure.originalFileName,
      error_code: failure.errorCode,
      error_message: failure.errorMessage,
      recorded_at: isoTime(failure.recordedAtMs),
    }));
    return { items, end: found.at(-1)?.fileUploadId ?? '' };
  });
}

function askedBy({ params, query }: FastifyRequest<PageRoute>): Asked {
  const { after = '', limit = String(LIMIT_DEFAULT) } = query;
  if (!isUsableId(params.batch_id, ID_LENGTH_MAX)) throw new AppError('INVALID_INPUT', 'batch_id is not an id');
  if (typeof after !== 'string' || (after !== '' && !isUsableId(after, ID_LENGTH_MAX))) {
    throw new AppError('INVALID_INPUT', 'after must be next of the page before');
  }
  if (typeof limit !== 'string' || !/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > LIMIT_MAX) {
    throw new AppError('INVALID_INPUT', `limit must be a whole number from 1 to ${LIMIT_MAX}`);
  }
  return { batchId: params.batch_id, after, itemsMax: Number(limit) };
}

function positionOf(after: string): number {
  if (after === '') return -1;
  if (!/^\d{1,9}$/.test(after)) throw new AppError('INVALID_INPUT', 'after must be next of the page before');
  return Number(after);
}
