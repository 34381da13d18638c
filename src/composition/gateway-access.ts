/** Who may ask a gateway what. Nothing of it is opened before the first request but the counter's connection. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config-schema.ts';
import { AppError, describeError } from '../errors.ts';
import type { AccessDeps } from '../gateway/access/access-hooks.ts';
import { BatchOwnership } from '../gateway/access/batch-ownership.ts';
import { BearerTokens, type IssuerKeys } from '../gateway/access/bearer-tokens.ts';
import { type Identification, open, TokenIdentification } from '../gateway/access/identification.ts';
import { RequestCounts } from '../gateway/access/request-counts.ts';
import { SignedGrants } from '../gateway/access/signed-grants.ts';
import { PostgresBatchOwners } from '../postgres/batch-owners.ts';
import { BoundedRedis } from '../redis/bounded-redis.ts';
import { RedisRequestCounter } from '../redis/request-counter.ts';
import { ReadDatabase, redisPrefix } from './adapters.ts';
import type { Composing, Get } from './composing.ts';
import { redisTarget } from './connections.ts';

const WINDOW_MS = 60_000;
/** A request waits for it, so it is less patient than who has nobody waiting. */
const REDIS_ANSWER_MS_MAX = 50;
const LOOPBACK = /^(127\.[\d.]+|::1|localhost)$/;

/** One for requests and for live connections. */
export class Access {
  readonly deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.deps = deps;
  }
}

/** Before anything is opened. */
export function checkReach({ gatewayAuth, gatewayOpen, httpHost }: Config): void {
  if (gatewayAuth !== 'none' || gatewayOpen || LOOPBACK.test(httpHost)) return;
  const message = `HTTP_HOST=${httpHost} is not loopback, and GATEWAY_AUTH=none asks nobody who he is: set GATEWAY_AUTH=jwt`;
  throw new AppError('CONFIG_INVALID', `${message}, or GATEWAY_OPEN if only friends can reach it`);
}

export function composeAccess({ config, log, single }: Composing): void {
  const identification = identificationOf(config);
  single(BoundedRedis, () => {
    const without = 'each gateway counts requests for itself, and knows of no other';
    return new BoundedRedis({ target: redisTarget(config), answerMsMax: REDIS_ANSWER_MS_MAX, without, log });
  });
  single(Access, (get: Get) => {
    return new Access({
      identification,
      ownership: new BatchOwnership(new PostgresBatchOwners(get(ReadDatabase))),
      counts: new RequestCounts(new RedisRequestCounter(get(BoundedRedis), redisPrefix(config)), WINDOW_MS),
      requestsPerWindowMax: config.gatewayRequestsPerMinuteMax,
      windowMs: WINDOW_MS,
      allowedOrigins: config.gatewayAllowedOrigins,
    });
  });
}

function identificationOf(config: Config): Identification {
  const { gatewayAuth, gatewayJwtIssuer: issuer, gatewayJwtAudience: audience, gatewaySigningSecret } = config;
  if (gatewayAuth === 'none') return open;
  const grants = new SignedGrants(gatewaySigningSecret ?? '', () => systemClock.nowMs());
  try {
    return new TokenIdentification(new BearerTokens({ keys: keysOf(config), issuer, audience }), grants);
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `GATEWAY_JWT_PUBLIC_KEY_FILE holds no public key: ${describeError(error)}`);
  }
}

function keysOf({ gatewayJwtSecret, gatewayJwtPublicKeyFile, gatewayJwtJwksUrl }: Config): IssuerKeys {
  if (gatewayJwtSecret !== null) return { kind: 'secret', text: gatewayJwtSecret };
  if (gatewayJwtPublicKeyFile !== null) {
    return { kind: 'public-key', text: readFileSync(gatewayJwtPublicKeyFile, 'utf8') };
  }
  return { kind: 'jwks', text: gatewayJwtJwksUrl ?? '' };
}
