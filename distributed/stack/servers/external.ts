/**
 * Servers named by the environment replace ours. They must answer, or the start fails with one line that says which.
 */
import { accepts, type Endpoint } from '../process/accepts.ts';
import { StackError } from '../process/stack-error.ts';

const CONNECT_MS_MAX = 3_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'postgres:': 5432,
  'postgresql:': 5432,
  'redis:': 6379,
  'rediss:': 6379,
  'valkey:': 6379,
};

export type ServerKind = 'postgres' | 'redis' | 'kafka';

export const STACK_VARIABLES = { postgres: 'DATABASE_URL', redis: 'REDIS_URL', kafka: 'KAFKA_BROKERS' } as const;

/** Where a variable's value points to: a URL, or a list of `host:port`. Empty if it names no network address. */
export function endpointsOf(value: string): readonly Endpoint[] {
  if (value.includes('://')) {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const port = Number(url?.port || DEFAULT_PORTS[url?.protocol ?? '']);
    return url?.hostname ? [{ host: bare(url.hostname), port }] : [];
  }
  return value.split(',').flatMap((part) => {
    const match = /^(.+):(\d+)$/.exec(part.trim());
    return match?.[1] === undefined ? [] : [{ host: bare(match[1]), port: Number(match[2]) }];
  });
}

/** Fails unless at least one of the endpoints accepts a connection. */
export async function requireAnswer(variable: string, value: string): Promise<void> {
  const endpoints = endpointsOf(value);
  // A socket file or a form we do not know: the client will say what is wrong with it.
  if (endpoints.length === 0) return;
  const answers = await Promise.all(endpoints.map((endpoint) => accepts(endpoint, CONNECT_MS_MAX)));
  if (answers.includes(true)) return;
  const names = endpoints.map(({ host, port }) => `${host}:${port}`).join(', ');
  throw new StackError(
    `${variable} names ${names}, where nothing answers: correct it, or unset it to start a local server`,
  );
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}
