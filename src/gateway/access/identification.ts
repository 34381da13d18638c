/** From what a request shows to who asks: with tokens, or, where nobody is asked, anybody. */
import type { IncomingHttpHeaders } from 'node:http';
import type { BearerTokens } from './bearer-tokens.ts';
import { ANYBODY, type Principal } from './principal.ts';
import { unauthenticated } from './refusals.ts';
import { type Grant, SignedGrants } from './signed-grants.ts';

const BEARER = /^bearer +([\w.~+/=-]+)$/i;

export interface Identification {
  /** Rejects with 401, or UNAVAILABLE where it cannot be told. A ticket counts where there is no token. */
  identify(headers: IncomingHttpHeaders, ticket?: string): Promise<Principal>;
  /** Null where nobody needs one. */
  uploadGrant(principal: Principal, batchId: string): Promise<Grant | null>;
  ticketGrant(principal: Principal): Promise<Grant | null>;
}

/** Asks nobody. */
export const open: Identification = {
  identify: async () => ANYBODY,
  uploadGrant: async () => null,
  ticketGrant: async () => null,
};

export class TokenIdentification implements Identification {
  private readonly tokens: BearerTokens;
  private readonly grants: SignedGrants;

  constructor(tokens: BearerTokens, grants: SignedGrants) {
    this.tokens = tokens;
    this.grants = grants;
  }

  async identify({ authorization }: IncomingHttpHeaders, ticket?: string): Promise<Principal> {
    if (authorization === undefined) {
      if (ticket === undefined) throw unauthenticated(null);
      return this.grants.ticketHolder(ticket);
    }
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated('the authorization is no bearer token');
    return SignedGrants.isUpload(token) ? this.grants.uploader(token) : this.tokens.principal(token);
  }

  uploadGrant(principal: Principal, batchId: string): Promise<Grant> {
    return this.grants.upload(principal, batchId);
  }

  ticketGrant(principal: Principal): Promise<Grant> {
    return this.grants.ticket(principal);
  }
}
