import { SignJWT } from 'jose';

export const USER_SECRET = 'the issuer of users signs with this';
export const SIGNING_SECRET = 'gateways sign for each other with this';

/** The settings of a gateway that asks who its users are. */
export const WITH_TOKENS = {
  GATEWAY_AUTH: 'jwt',
  GATEWAY_JWT_SECRET: USER_SECRET.replaceAll(' ', '-'),
  GATEWAY_SIGNING_SECRET: SIGNING_SECRET.replaceAll(' ', '-'),
};

export interface TokenClaims {
  readonly sub?: string;
  readonly org_id?: string;
  readonly scope?: string;
  readonly expiresInSeconds?: number;
  readonly [name: string]: unknown;
}

/** A token as the issuer makes it; by default of a teacher, for a minute. */
export async function tokenOf(
  { expiresInSeconds = 60, ...claims }: TokenClaims,
  secret = WITH_TOKENS.GATEWAY_JWT_SECRET,
): Promise<string> {
  return new SignJWT({ scope: 'batches:read batches:write', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(Math.floor(Date.now() / 1000) + expiresInSeconds)
    .sign(new TextEncoder().encode(secret));
}
