/**
 * Which batches there are, in pages: `next` of an answer is `after` of the next request, null at the end. Each page is
 * the table as it is then: a batch that is registered meanwhile is on none of the later ones, and none is there twice.
 */
import type { FastifyInstance } from 'fastify';
import { type BatchListBody, type BatchListItem, completionPercentage, isoTime } from '../../contract/http.ts';
import type { BatchItem, BatchList } from '../../domain/batch-list.ts';
import { viewerOf } from '../access/principal.ts';
import { cursorOf, idPosition, listQuery, timePosition } from './list-query.ts';
import type { ReadGate } from './read-gate.ts';

export interface BatchListDeps {
  readonly list: BatchList;
  readonly gate: ReadGate;
}

export function addBatchListRoute(server: FastifyInstance, { list, gate }: BatchListDeps): void {
  server.get<{ Querystring: Record<string, unknown> }>(
    '/v1/batches',
    { onRequest: gate.onRequest },
    async (request): Promise<BatchListBody> => {
      const { filter, prefix, after, itemsMax } = listQuery(request.query, viewerOf(request.principal));
      const page =
        prefix === null
          ? await gate.run(() => list.newest(filter, timePosition(after), itemsMax))
          : await gate.run(() => list.beginningWith(prefix, filter, idPosition(after), itemsMax));
      return { batches: page.batches.map(itemBody), next: page.next === null ? null : cursorOf(page.next) };
    },
  );
}

function itemBody(batch: BatchItem): BatchListItem {
  return {
    batch_id: batch.batchId,
    state: batch.state,
    course_code: batch.courseCode,
    user_id: batch.userId,
    org_id: batch.orgId,
    expected_count: batch.expectedCount,
    open: batch.openCount,
    filled: batch.filledCount,
    failed: batch.failedCount,
    pending: batch.pendingCount,
    version: batch.version,
    completion_percentage: completionPercentage(batch.expectedCount, batch.openCount),
    registered_at: isoTime(batch.registeredAtMs),
    completed_at: isoTime(batch.completedAtMs),
    erased_at: isoTime(batch.erasedAtMs),
  };
}
