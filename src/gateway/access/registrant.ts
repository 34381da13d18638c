/** A user registers for himself, in his organisation, a batch whose id is new; only a service does for others. */
import type { Principal } from './principal.ts';
import { forbidden } from './refusals.ts';

/** The body as it is registered; what is no object is left to who checks it. */
export function registrantsBody(principal: Principal, body: unknown): unknown {
  const isFree = principal.isAnybody || principal.scopes.has('batches:write:all');
  if (isFree || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const asked = body as Readonly<Record<string, unknown>>;
  const { user_id: userId = principal.subject, org_id: orgId = principal.orgId } = asked;
  if (userId !== principal.subject) throw forbidden('user_id is somebody else');
  if (orgId !== null && orgId !== principal.orgId) throw forbidden('org_id is another organisation');
  // Whoever may choose it could choose another's, and would get the token to write into it.
  if (asked['batch_id'] !== undefined) throw forbidden('the id of a batch is made, not chosen');
  return { ...asked, user_id: userId, org_id: orgId };
}
