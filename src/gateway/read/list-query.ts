/** What a request for a list of batches asks, checked before the database sees it; a wrong parameter is named. */
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import type { BatchFilter, TimePosition, Viewer } from '../../domain/batch-list.ts';
import { AppError } from '../../errors.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 200;
const STATES = ['announced', 'open', 'complete'] as const;
const NAMES = ['state', 'course', 'owner', 'registered_since', 'q', 'after', 'limit'];
/** Years that both JavaScript and PostgreSQL know, with a zone: a time without one would mean another one elsewhere. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const SINCE = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

export interface ListQuery {
  readonly filter: BatchFilter;
  /** Null: all. */
  readonly prefix: string | null;
  readonly after: unknown;
  readonly itemsMax: number;
}

export function listQuery(query: Readonly<Record<string, unknown>>, viewer: Viewer): ListQuery {
  const stranger = Object.keys(query).find((name) => !NAMES.includes(name));
  // A filter that is misspelled must not answer everything.
  if (stranger !== undefined) throw wrong('query', `has only ${NAMES.join(', ')}`);
  const text = (name: string): string | null => {
    const value = query[name];
    if (value === undefined || value === '') return null;
    if (typeof value !== 'string') throw wrong(name, 'must be given once');
    return value;
  };
  const id = (name: string): string | null => {
    const value = text(name);
    if (value !== null && !isUsableId(value, ID_LENGTH_MAX)) throw wrong(name, 'is not an id');
    return value;
  };
  const state = text('state');
  const known = STATES.find((each) => each === state) ?? null;
  if (state !== null && known === null) throw wrong('state', `must be one of ${STATES.join(', ')}`);
  const limit = text('limit') ?? String(LIMIT_DEFAULT);
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > LIMIT_MAX) {
    throw wrong('limit', `must be a whole number from 1 to ${LIMIT_MAX}`);
  }
  return {
    filter: {
      viewer,
      state: known,
      userId: id('owner'),
      courseCode: id('course'),
      registeredSinceMs: timeOf(text('registered_since')),
    },
    prefix: id('q'),
    after: positionOf(text('after')),
    itemsMax: Number(limit),
  };
}

/** Opaque: what is in it may change with any release, and a page that was bookmarked is no promise. */
export function cursorOf(position: TimePosition | string): string {
  const parts = typeof position === 'string' ? [position] : [position.since, position.batchId];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

export function timePosition(after: unknown): TimePosition | null {
  if (after === null) return null;
  const [since, batchId] = Array.isArray(after) && after.length === 2 ? (after as unknown[]) : [];
  const isTime = typeof since === 'string' && SINCE.test(since) && !Number.isNaN(Date.parse(since));
  if (!isTime || typeof batchId !== 'string' || !isUsableId(batchId, ID_LENGTH_MAX)) throw wrongCursor();
  return { since, batchId };
}

export function idPosition(after: unknown): string {
  if (after === null) return '';
  const [batchId] = Array.isArray(after) && after.length === 1 ? (after as unknown[]) : [];
  if (typeof batchId !== 'string' || !isUsableId(batchId, ID_LENGTH_MAX)) throw wrongCursor();
  return batchId;
}

function positionOf(cursor: string | null): unknown {
  if (cursor === null) return null;
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
  } catch {
    throw wrongCursor();
  }
}

function timeOf(text: string | null): number | null {
  if (text === null) return null;
  const timestampMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timestampMs))
    throw wrong('registered_since', 'must be a date, or a time with its zone, of ISO 8601');
  return timestampMs;
}

function wrongCursor(): AppError {
  return wrong('after', 'must be next of the page before, of the same search');
}

function wrong(name: string, message: string): AppError {
  return new AppError('INVALID_INPUT', `${name} ${message}`);
}
