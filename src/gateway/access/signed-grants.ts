/**
 * What gateways sign for each other, so that none of them has to ask anybody: that somebody may upload into a batch, and,
 * for a short while, who somebody is. A grant of one kind is never taken for one of the other, nor for a token of the
 * issuer, whatever keys these have.
 */
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { type Principal, SCOPES, type Scope } from './principal.ts';
import { unauthenticated } from './refusals.ts';

const ALGORITHM = 'HS256';
const UPLOAD = 'els-upload+jwt';
const TICKET = 'els-ticket+jwt';
/** A batch may take days to be uploaded. */
const UPLOAD_SECONDS = 7 * 86_400;
/** It is in an address, and addresses are written into logs. */
const TICKET_SECONDS = 30;

export interface Grant {
  readonly text: string;
  readonly endsAtMs: number;
}

export class SignedGrants {
  private readonly key: Uint8Array;
  private readonly nowMs: () => number;

  constructor(secret: string, nowMs: () => number) {
    this.key = new TextEncoder().encode(secret);
    this.nowMs = nowMs;
  }

  static isUpload(token: string): boolean {
    try {
      return decodeProtectedHeader(token).typ === UPLOAD;
    } catch {
      return false;
    }
  }

  upload({ subject }: Principal, batchId: string): Promise<Grant> {
    return this.sign(UPLOAD, { sub: subject, batch_id: batchId }, UPLOAD_SECONDS);
  }

  async uploader(token: string): Promise<Principal> {
    const { sub: subject = '', batch_id: batchId, exp = 0 } = await this.verify(UPLOAD, token);
    if (typeof batchId !== 'string') throw unauthenticated('the upload token names no batch');
    const nothing = { orgId: null, scopes: new Set<Scope>(), isAnybody: false };
    return { subject, ...nothing, endsAtMs: exp * 1000, uploadsInto: batchId };
  }

  ticket({ subject, orgId, scopes, endsAtMs }: Principal): Promise<Grant> {
    return this.sign(
      TICKET,
      { sub: subject, org_id: orgId, scope: [...scopes].join(' '), ends: endsAtMs },
      TICKET_SECONDS,
    );
  }

  /** Valid as long as the token it was got for, though the ticket itself is not. */
  async ticketHolder(ticket: string): Promise<Principal> {
    const { sub: subject = '', org_id: orgId, scope, ends } = await this.verify(TICKET, ticket);
    const words = String(scope).split(' ');
    return {
      subject,
      orgId: typeof orgId === 'string' ? orgId : null,
      scopes: new Set(SCOPES.filter((each) => words.includes(each))),
      endsAtMs: typeof ends === 'number' ? ends : null,
      uploadsInto: null,
      isAnybody: false,
    };
  }

  private async sign(typ: string, claims: JWTPayload, seconds: number): Promise<Grant> {
    const nowSeconds = Math.floor(this.nowMs() / 1000);
    const text = await new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ })
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + seconds)
      .sign(this.key);
    return { text, endsAtMs: (nowSeconds + seconds) * 1000 };
  }

  private async verify(typ: string, token: string): Promise<JWTPayload> {
    try {
      const limits = { algorithms: [ALGORITHM], typ, requiredClaims: ['exp'], currentDate: new Date(this.nowMs()) };
      return (await jwtVerify(token, this.key, limits)).payload;
    } catch (error) {
      throw unauthenticated(error instanceof errors.JWTExpired ? 'it has expired' : 'it is not valid');
    }
  }
}
