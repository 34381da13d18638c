/** What is answered to who may not, with the challenge of RFC 6750 that says what would help. */
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import type { Scope } from './principal.ts';

const REALM = 'Bearer realm="essay-lifecycle"';

export function unauthenticated(detail: string | null): RefusedError {
  const challenge = detail === null ? REALM : `${REALM}, error="invalid_token", error_description="${detail}"`;
  return new RefusedError({
    status: 401,
    code: 'AUTHENTICATION_ERROR',
    message: detail ?? 'a bearer token is needed',
    headers: { 'www-authenticate': challenge },
  });
}

export function outOfScope(scope: Scope): RefusedError {
  return new RefusedError({
    status: 403,
    code: 'AUTHORIZATION_ERROR',
    message: `the scope ${scope} is needed`,
    headers: { 'www-authenticate': `${REALM}, error="insufficient_scope", scope="${scope}"` },
  });
}

export function forbidden(message: string): RefusedError {
  return new RefusedError({ status: 403, code: 'AUTHORIZATION_ERROR', message });
}

/** Somebody else's batch is not told from one that is not there. */
export function noSuch(what: 'batch' | 'essay'): AppError {
  return new AppError('NOT_FOUND', `no such ${what}`);
}
