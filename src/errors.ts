/**
 * Every failure the service knows by name. An error answers one question: may the same work be tried again?
 * Unknown errors are not retryable. Status codes, exit codes and dead-letter reasons are mapped at the edges.
 */
import { hintFor } from './connection/hints.ts';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UNAVAILABLE',
  'CONFLICT',
  'STORE_TIMED_OUT',
  'STORE_FULL',
]);

/** A chain of causes may be a circle. */
const CAUSES_MAX = 4;

export type ErrorCode =
  /** A setting is missing, malformed or contradicts another. Exit 78 before anything is opened. */
  | 'CONFIG_INVALID'
  /** The world is not as the service needs it: topic, schema, index or durability missing. Exit 78. */
  | 'START_CHECK_FAILED'
  /** A dependency did not answer or refused for now. */
  | 'UNAVAILABLE'
  /** Another transaction was in the way: 23505, 40001, 40P01, 55P03. Retry on a fresh snapshot. */
  | 'CONFLICT'
  /** A statement ran longer than it may: 57014. */
  | 'STORE_TIMED_OUT'
  /** The database has no space for what is written: 53100. It answers, and reads; until somebody makes room. */
  | 'STORE_FULL'
  /** A statement failed by a bug or a foreign schema; no data is to blame. */
  | 'STORE_FAILED'
  /** The database will never take this data; validation should have caught it. */
  | 'STORE_REFUSED'
  /** The broker refused a message for what is in it, so for good: too large, invalid. */
  | 'PUBLISH_REFUSED'
  /** What was asked for does not exist. */
  | 'NOT_FOUND'
  /** A caller's input is wrong. */
  | 'INVALID_INPUT';

export class AppError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
  }

  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/** A message was not published. `reason` is from a closed set, for metrics and for telling one trouble from another. */
export class PublishError extends AppError {
  readonly reason: string;

  constructor(code: 'UNAVAILABLE' | 'PUBLISH_REFUSED', message: string, options: { cause?: unknown; reason: string }) {
    super(code, message, options);
    this.name = 'PublishError';
    this.reason = options.reason;
  }
}

/** True only for a known error that says so. */
export function isRetryable(error: unknown): boolean {
  return error instanceof AppError && error.retryable;
}

/**
 * A text of any thrown value, causes included, for logs and stored error columns. Nothing is said twice: libraries
 * repeat the message of what they wrap. What helps with a connection is added.
 */
export function describeError(error: unknown): string {
  let text = '';
  let cause: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && cause !== undefined && cause !== null; depth += 1) {
    const message = messageOf(cause);
    if (!text.includes(message)) text = text === '' ? message : `${text}: ${message}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const hint = hintFor(text);
  return hint === undefined ? text : `${text} (${hint})`;
}

/** Several at once (every address of a name refused) have no message of their own. */
function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.message === '' && cause instanceof AggregateError) return cause.errors.map(messageOf).join(', ');
  return cause.message || cause.name;
}
