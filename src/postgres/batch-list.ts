/** BatchList on PostgreSQL: one statement a page. */
import type { BatchFilter, BatchItem, BatchList, BatchPage, TimePosition } from '../domain/batch-list.ts';
import type { BatchState } from '../domain/batch-store.ts';
import { type BatchRow, COUNT_MAX, summaryOf } from './batch-row.ts';
import type { Database } from './database.ts';
import { FIND_BATCHES } from './sql/find-batches.ts';
import { PAGE_BATCHES } from './sql/page-batches.ts';

const STATES: readonly BatchState[] = ['announced', 'open', 'complete'];
/** Ids that a search looks at for one page. */
const LOOKED_AT_MAX = 1000;

interface ItemRow extends BatchRow {
  id: string;
  course_code: string | null;
  user_id: string | null;
  org_id: string | null;
}

export class PostgresBatchList implements BatchList {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  async newest(filter: BatchFilter, after: TimePosition | null, itemsMax: number): Promise<BatchPage<TimePosition>> {
    const { courseCode } = filter;
    const { all, user, org, course, mustUser, mustOrg } = waysIn(filter);
    const rows = await this.database.run<ItemRow & { since: string }>({ name: 'page-batches', text: PAGE_BATCHES }, [
      statesOf(filter),
      all,
      user,
      org,
      course,
      sinceOf(filter),
      mustUser,
      mustOrg,
      courseCode,
      after?.since ?? 'infinity',
      after?.batchId ?? '',
      itemsMax,
      COUNT_MAX,
    ]);
    const last = rows.at(-1);
    const isFull = last !== undefined && rows.length === itemsMax;
    return { batches: rows.map(itemOf), next: isFull ? { since: last.since, batchId: last.id } : null };
  }

  async beginningWith(
    prefix: string,
    filter: BatchFilter,
    after: string,
    itemsMax: number,
  ): Promise<BatchPage<string>> {
    const { viewer } = filter;
    const rows = await this.database.run<(ItemRow | { id: null }) & { looked_at: number; last_id: string | null }>(
      { name: 'find-batches', text: FIND_BATCHES },
      [
        prefix,
        after,
        LOOKED_AT_MAX,
        statesOf(filter),
        viewer?.userId ?? null,
        viewer?.orgId ?? null,
        filter.userId,
        filter.courseCode,
        sinceOf(filter),
        itemsMax,
        COUNT_MAX,
      ],
    );
    const found = rows.filter((row) => row.id !== null);
    const extent = rows[0];
    const isFull = found.length === itemsMax;
    const isCut = extent !== undefined && extent.looked_at === LOOKED_AT_MAX;
    return { batches: found.map(itemOf), next: isFull ? (found.at(-1)?.id ?? null) : isCut ? extent.last_id : null };
  }
}

/** The narrowest there are; what else is asked must hold of what they find. */
function waysIn({ viewer, userId, courseCode }: BatchFilter) {
  const none = { all: false, user: null, org: null, course: null, mustUser: userId, mustOrg: null };
  if (userId !== null) {
    const isOwn = viewer === null || viewer.userId === userId;
    if (isOwn || viewer.orgId !== null) return { ...none, user: userId, mustOrg: isOwn ? null : viewer.orgId };
    return none;
  }
  if (viewer !== null) return { ...none, user: viewer.userId, org: viewer.orgId };
  return courseCode === null ? { ...none, all: true } : { ...none, course: courseCode };
}

function statesOf({ state }: BatchFilter): readonly BatchState[] {
  return state === null ? STATES : [state];
}

function sinceOf({ registeredSinceMs }: BatchFilter): string {
  return registeredSinceMs === null ? '-infinity' : new Date(registeredSinceMs).toISOString();
}

function itemOf(row: ItemRow): BatchItem {
  return { ...summaryOf(row.id, row), courseCode: row.course_code, userId: row.user_id, orgId: row.org_id };
}
