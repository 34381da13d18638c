/**
 * Tokens of whoever says who the users are. Guarantees: one is taken only with a valid signature by the key that was set
 * up, of an algorithm that fits this key, unexpired, of the issuer and for the audience that were set. Without the
 * issuer's keys nobody is refused for good: they are asked to come again.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { ID_LENGTH_MAX, isUsableId } from '../../contract/text.ts';
import { AppError } from '../../errors.ts';
import { RefusedError } from '../../http/error-reply.ts';
import { type Principal, SCOPES, type Scope } from './principal.ts';
import { unauthenticated } from './refusals.ts';

const TOKEN_LENGTH_MAX = 6000;
const CLOCK_TOLERANCE_SECONDS = 30;
const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
const ASYMMETRIC = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** A key that was withdrawn is not trusted longer than this; a new one is looked up when it is met. */
const JWKS = { timeoutDuration: 2000, cacheMaxAge: 3_600_000, cooldownDuration: 10_000 };

export interface IssuerKeys {
  readonly kind: 'secret' | 'public-key' | 'jwks';
  /** The secret, a public key as PEM, or the address of a JWKS. */
  readonly text: string;
}

export interface BearerTokensOptions {
  readonly keys: IssuerKeys;
  readonly issuer: string | null;
  readonly audience: string | null;
}

export class BearerTokens {
  private readonly verify: (token: string) => Promise<JWTPayload>;

  /** Throws where the key is none. */
  constructor({ keys, issuer, audience }: BearerTokensOptions) {
    const options: JWTVerifyOptions = {
      algorithms: keys.kind === 'secret' ? SYMMETRIC : ASYMMETRIC,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      ...(issuer !== null && { issuer }),
      ...(audience !== null && { audience }),
    };
    const key = keyOf(keys);
    this.verify = async (token) => {
      const { payload } = await (typeof key === 'function'
        ? jwtVerify(token, key, options)
        : jwtVerify(token, key, options));
      return payload;
    };
  }

  async principal(token: string): Promise<Principal> {
    if (token.length > TOKEN_LENGTH_MAX) throw unauthenticated('the token is too long');
    try {
      return principalOf(await this.verify(token));
    } catch (error) {
      throw refusalOf(error);
    }
  }
}

function keyOf({ kind, text }: IssuerKeys): Uint8Array | KeyObject | JWTVerifyGetKey {
  if (kind === 'secret') return new TextEncoder().encode(text);
  return kind === 'public-key' ? createPublicKey(text) : issuedKeys(new URL(text));
}

function issuedKeys(address: URL): JWTVerifyGetKey {
  const find = createRemoteJWKSet(address, JWKS);
  return async (header, token) => {
    try {
      return await find(header, token);
    } catch (error) {
      const isKnown = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isKnown || error instanceof errors.JOSENotSupported) throw error;
      // Whatever is wrong with the set is not the fault of who showed the token.
      throw new AppError('UNAVAILABLE', 'the keys of the issuer cannot be had', { cause: error });
    }
  };
}

function principalOf(claims: JWTPayload): Principal {
  const { sub: subject, org_id: orgId = null, scope = '', exp } = claims;
  if (subject === undefined || !isUsableId(subject, ID_LENGTH_MAX)) throw unauthenticated('sub is not an id');
  if (orgId !== null && (typeof orgId !== 'string' || !isUsableId(orgId, ID_LENGTH_MAX))) {
    throw unauthenticated('org_id is not an id');
  }
  // RFC 8693 has one text; some issuers have a list.
  const words: readonly unknown[] = Array.isArray(scope) ? scope : String(scope).split(' ');
  const scopes = new Set(words.filter((word): word is Scope => SCOPES.some((each) => each === word)));
  return { subject, orgId, scopes, endsAtMs: (exp ?? 0) * 1000, uploadsInto: null, isAnybody: false };
}

function refusalOf(error: unknown): Error {
  if (error instanceof AppError || error instanceof RefusedError) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated('the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) return unauthenticated(`${error.claim} is not as it must be`);
  return unauthenticated('the token is not valid');
}
