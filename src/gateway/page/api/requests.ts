/** Questions to the gateway: each ends within a bounded time, with an answer or with a problem that can be shown. */
import { givenToken } from './token.ts';

const ANSWER_MS_MAX = 8000;

export type ProblemKind = 'away' | 'unauthenticated' | 'forbidden' | 'unknown' | 'busy' | 'refused';

export class ApiProblem extends Error {
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Answer<Body> {
  readonly body: Body;
  /** Of the gateway's clock beyond this browser's. */
  readonly clockAheadMs: number;
}

export async function ask<Body>(
  path: string,
  signal: AbortSignal,
  method: 'GET' | 'POST' = 'GET',
): Promise<Answer<Body>> {
  const response = await reach(path, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]), method);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemOf(response.status, body);
  if (body === null) throw new ApiProblem('away', 'The answer was not complete.');
  const answeredAtMs = Date.parse(response.headers.get('date') ?? '');
  return { body: body as Body, clockAheadMs: Number.isNaN(answeredAtMs) ? 0 : answeredAtMs - Date.now() };
}

async function reach(path: string, signal: AbortSignal, method: string): Promise<Response> {
  const token = givenToken();
  const headers = { accept: 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) };
  try {
    return await fetch(path, { method, signal, headers, cache: 'no-store' });
  } catch {
    throw new ApiProblem('away', 'The gateway does not answer.');
  }
}

function problemOf(status: number, body: unknown): ApiProblem {
  const given = (body as { error?: { message?: unknown } } | null)?.error?.message;
  const message = typeof given === 'string' ? given : `status ${status}`;
  if (status === 401) return new ApiProblem('unauthenticated', message);
  if (status === 403) return new ApiProblem('forbidden', message);
  if (status === 404) return new ApiProblem('unknown', message);
  if (status === 429) return new ApiProblem('busy', message);
  return new ApiProblem(status >= 500 ? 'away' : 'refused', message);
}

export function problemFrom(error: unknown): ApiProblem {
  return error instanceof ApiProblem ? error : new ApiProblem('away', String(error));
}
