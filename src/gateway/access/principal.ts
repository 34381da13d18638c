/** Who asks, and what he may. */
import type { BatchOwner } from '../../domain/access.ts';
import type { Viewer } from '../../domain/batch-list.ts';

/**
 * `batches:write:all` is for services: they write into any batch, for any user. `operate` sees every batch. Without them a
 * user sees and registers what is his own or his organisation's.
 */
export const SCOPES = ['batches:read', 'batches:write', 'batches:write:all', 'operate'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Principal {
  readonly subject: string;
  readonly orgId: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** When what he showed is not valid any more; null: never. */
  readonly endsAtMs: number | null;
  /** He showed no more than that he may write into this batch. */
  readonly uploadsInto: string | null;
  /** Nobody was asked who he is. */
  readonly isAnybody: boolean;
}

export const ANYBODY: Principal = {
  subject: '',
  orgId: null,
  scopes: new Set(SCOPES),
  endsAtMs: null,
  uploadsInto: null,
  isAnybody: true,
};

export function viewerOf({ subject, orgId, scopes }: Principal): Viewer {
  return scopes.has('operate') ? null : { userId: subject, orgId };
}

export function sees(principal: Principal, owner: BatchOwner | null | undefined): boolean {
  const viewer = viewerOf(principal);
  if (viewer === null) return true;
  if (owner === null || owner === undefined) return false;
  return owner.userId === viewer.userId || (viewer.orgId !== null && owner.orgId === viewer.orgId);
}
