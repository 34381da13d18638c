/** Tokens against keys of every kind, and an issuer that answers, is away, or hangs. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { AppError } from '../../../src/errors.ts';
import { BearerTokens } from '../../../src/gateway/access/bearer-tokens.ts';
import { RefusedError } from '../../../src/http/error-reply.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const servers: Server[] = [];

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function signed(key: KeyObject | Uint8Array, alg: string, claims: object = {}, header: object = {}): Promise<string> {
  return new SignJWT({ sub: 'ann', scope: 'batches:read', ...claims })
    .setProtectedHeader({ alg, ...header })
    .setExpirationTime('1m')
    .sign(key);
}

/** What becomes of a token: who it is of, or a status, or the code of an error that passes. */
async function fate(tokens: BearerTokens, token: string): Promise<unknown> {
  try {
    return (await tokens.principal(token)).subject;
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal.status;
    return error instanceof AppError ? error.code : error;
  }
}

async function issuerAt(answer: Parameters<typeof createServer>[1]): Promise<BearerTokens> {
  const server = createServer(answer as never);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return new BearerTokens({ keys: { kind: 'jwks', text: `http://127.0.0.1:${port}/` }, issuer: null, audience: null });
}

test('a public key takes what its private key signed, and its text is not taken for a secret', async () => {
  for (const [pair, alg] of [
    [rsa, 'RS256'],
    [ec, 'ES256'],
  ] as const) {
    const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const tokens = new BearerTokens({ keys: { kind: 'public-key', text: pem }, issuer: null, audience: null });
    expect(await fate(tokens, await signed(pair.privateKey, alg))).toBe('ann');
    expect(await fate(tokens, await signed(new TextEncoder().encode(pem), 'HS256'))).toBe(401);
    expect(await fate(tokens, await signed(stranger.privateKey, 'ES256'))).toBe(401);
  }
});

test('issuer and audience must be those that were set', async () => {
  const text = 'a-secret-of-more-than-thirty-two-characters';
  const tokens = new BearerTokens({ keys: { kind: 'secret', text }, issuer: 'school', audience: 'els' });
  const key = new TextEncoder().encode(text);
  expect(await fate(tokens, await signed(key, 'HS256', { iss: 'school', aud: ['els', 'grades'] }))).toBe('ann');
  expect(await fate(tokens, await signed(key, 'HS256', { iss: 'school', aud: 'grades' }))).toBe(401);
  expect(await fate(tokens, await signed(key, 'HS256', { aud: 'els' }))).toBe(401);
  expect(await fate(tokens, 'x'.repeat(7000))).toBe(401);
});

test('a key is found by its id, and one that nobody issued is not', async () => {
  const keys = [{ ...(await exportJWK(ec.publicKey)), kid: 'now', alg: 'ES256' }];
  const tokens = await issuerAt((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  expect(await fate(tokens, await signed(ec.privateKey, 'ES256', {}, { kid: 'now' }))).toBe('ann');
  expect(await fate(tokens, await signed(stranger.privateKey, 'ES256', {}, { kid: 'now' }))).toBe(401);
  expect(await fate(tokens, await signed(stranger.privateKey, 'ES256', {}, { kid: 'other' }))).toBe(401);
});

test('an issuer that fails, hangs or is gone refuses nobody for good, and keeps nobody waiting', async () => {
  const token = await signed(ec.privateKey, 'ES256', {}, { kid: 'now' });
  const failing = await issuerAt((_request, response) => response.writeHead(500).end());
  const confused = await issuerAt((_request, response) => response.end('<html>'));
  const hung = await issuerAt(() => undefined);
  const gone = new BearerTokens({ keys: { kind: 'jwks', text: 'http://127.0.0.1:1/' }, issuer: null, audience: null });
  const startedAtMs = performance.now();
  expect(await Promise.all([failing, confused, hung, gone].map((each) => fate(each, token)))).toEqual(
    Array(4).fill('UNAVAILABLE'),
  );
  expect(performance.now() - startedAtMs).toBeLessThan(4000);
});
