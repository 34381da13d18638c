/**
 * Answers what an error of kafkajs means for us. kafkajs wraps errors (retries exceeded, non-retriable) and keeps the
 * broker's answer in the chain of causes, so everything here looks at the whole chain.
 */
import { AppError, PublishError } from '../errors.ts';

/** The broker took the membership away: the epoch is over, whatever was to be committed belongs to somebody else. */
const FENCED: ReadonlySet<string> = new Set([
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
]);
/**
 * What is in the message, so that no repetition of it helps. Every other answer passes with time: topics are made, rights
 * given, replicas return, brokers of a rolling upgrade understand tomorrow what they refuse today.
 */
const MESSAGE_REFUSED: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);
const TIMESTAMP_REFUSED: ReadonlySet<string> = new Set(['INVALID_TIMESTAMP']);
const COORDINATOR_UNREADY: ReadonlySet<string> = new Set(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE']);
/** What a consumer cannot wait out. */
const CONSUMING_REFUSED: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_TOPIC_EXCEPTION',
]);
const TOPIC_MISSING: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC_OR_PARTITION']);
const NOT_FOUND: ReadonlySet<string> = new Set(['KafkaJSGroupCoordinatorNotFound', 'KafkaJSBrokerNotFound']);
const CAUSES_MAX = 8;

/** Stops a consumer for good. kafkajs retries everything that does not say `retriable: false`. */
export class ConsumerStopError extends Error {
  readonly retriable = false;

  constructor(message: string) {
    super(message);
    this.name = 'ConsumerStopError';
  }
}

export function isFenced(error: unknown): boolean {
  return hasType(error, FENCED);
}

/** True when the broker refused what is in a request, so that a smaller request may pass. */
export function isMessageRefused(error: unknown): boolean {
  return hasType(error, MESSAGE_REFUSED);
}

export function isConnectionFailure(error: unknown): boolean {
  return causes(error).some(
    (cause) => cause instanceof Error && (cause.name.startsWith('KafkaJSConnection') || 'broker' in cause),
  );
}

/** A coordinator was just elected, or none was found yet. */
export function isCoordinatorUnready(error: unknown): boolean {
  const isNotFound = causes(error).some((cause) => cause instanceof Error && NOT_FOUND.has(cause.name));
  return isNotFound || hasType(error, COORDINATOR_UNREADY);
}

export function isTopicMissing(error: unknown): boolean {
  return hasType(error, TOPIC_MISSING);
}

export function isConsumingRefused(error: unknown): boolean {
  return causes(error).some((cause) => cause instanceof ConsumerStopError) || hasType(error, CONSUMING_REFUSED);
}

/** The broker does not like when the message says it was made: its clock and ours differ too much. */
export function isTimestampRefused(error: unknown): boolean {
  return hasType(error, TIMESTAMP_REFUSED);
}

/** PUBLISH_REFUSED where repeating cannot help, else UNAVAILABLE; with the broker's word for it. */
export function publishError(error: unknown, topic: string): PublishError {
  if (error instanceof PublishError) return error;
  const reason = reasonOf(error);
  return hasType(error, MESSAGE_REFUSED)
    ? new PublishError('PUBLISH_REFUSED', `Kafka refused messages for ${topic}`, { cause: error, reason })
    : new PublishError('UNAVAILABLE', `Kafka did not acknowledge messages for ${topic}`, { cause: error, reason });
}

/** From a closed set, for a label: the protocol's name of the answer, or why there was none. */
function reasonOf(error: unknown): string {
  for (const cause of causes(error)) {
    if (cause instanceof PublishError) return cause.reason;
    const type = typeof cause === 'object' && cause !== null && 'type' in cause ? cause.type : undefined;
    if (typeof type === 'string' && /^[A-Z_]+$/.test(type)) return type.toLowerCase();
  }
  const names = causes(error).map((cause) => (cause instanceof Error ? cause.name : ''));
  if (names.includes('KafkaJSBrokerNotFound')) return 'no_leader';
  return names.some((name) => name.startsWith('KafkaJSConnection')) ? 'unreachable' : 'no_answer';
}

/** START_CHECK_FAILED where waiting cannot help, else UNAVAILABLE. */
export function consumerError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return isConsumingRefused(error)
    ? new AppError('START_CHECK_FAILED', 'Kafka cannot be consumed', { cause: error })
    : new AppError('UNAVAILABLE', 'Kafka consumer failed', { cause: error });
}

function hasType(error: unknown, types: ReadonlySet<string>): boolean {
  return causes(error).some((cause) => {
    const type = typeof cause === 'object' && cause !== null && 'type' in cause ? cause.type : undefined;
    return typeof type === 'string' && types.has(type);
  });
}

/** The error, its causes and the members of aggregates (kafkajs reports one error per topic that way). */
function causes(error: unknown): unknown[] {
  const found: unknown[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < CAUSES_MAX) {
    const next = waiting.shift();
    if (next === undefined || next === null) continue;
    found.push(next);
    if (!(next instanceof Error)) continue;
    waiting.push(next.cause);
    if ('errors' in next && Array.isArray(next.errors)) waiting.push(...next.errors);
  }
  return found;
}
