/**
 * How a client says who it is. Password and token are looked up for every login, so what is renewed on disk or by its
 * issuer is in use from the next connection on.
 */
import type { SASLOptions } from 'kafkajs';
import { AppError } from '../errors.ts';

const ISSUE_MS_MAX = 5000;
/** A token is asked for anew when this share of its life is over. */
const RENEWED_AT = 0.8;

export type KafkaLogin =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: () => string;
    }
  | { readonly mechanism: 'oauthbearer'; readonly token: () => Promise<string> };

export function saslOf(login: KafkaLogin): SASLOptions {
  if (login.mechanism === 'oauthbearer') {
    return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await login.token() }) };
  }
  const { mechanism, username } = login;
  // The union is one type per mechanism in kafkajs, which reads the password when it logs in.
  const sasl = {
    mechanism,
    username,
    get password() {
      return login.password();
    },
  };
  return sasl as SASLOptions;
}

export interface TokenIssuer {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: () => string;
  readonly scope: string | null;
}

/** Tokens for client credentials (RFC 6749, 4.4), one for all connections until most of its life is over. */
export function issuedToken({ url, clientId, clientSecret, scope }: TokenIssuer): () => Promise<string> {
  let issued: { readonly token: string; readonly renewAtMs: number } | undefined;
  return async () => {
    if (issued !== undefined && performance.now() < issued.renewAtMs) return issued.token;
    const login = [clientId, clientSecret()].map(encodeURIComponent).join(':');
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== null && { scope }) }),
      signal: AbortSignal.timeout(ISSUE_MS_MAX),
      redirect: 'error',
    }).catch((error: unknown) => {
      throw new AppError('UNAVAILABLE', 'the issuer of tokens cannot be reached', { cause: error });
    });
    const answer = (await response.json().catch(() => undefined)) as Record<string, unknown> | undefined;
    const [token, seconds] = [answer?.['access_token'], Number(answer?.['expires_in'] ?? 0)];
    if (!response.ok || typeof token !== 'string') {
      throw new AppError('UNAVAILABLE', `the issuer of tokens refused with status ${response.status}`);
    }
    issued = { token, renewAtMs: performance.now() + seconds * 1000 * RENEWED_AT };
    return token;
  };
}
