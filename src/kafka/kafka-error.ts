/**
 * Answers what an error of kafkajs means for us. kafkajs wraps errors (retries exceeded, non-retriable) and keeps the
 * broker's answer in the chain of causes, so everything here looks at the whole chain.
 */
import { AppError, PublishError } from '../errors.ts';

const CHECK_LOGIN = 'the login was refused: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';
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
const AUTHORIZATION: ReadonlySet<string> = new Set(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']);
const TOPIC_PRESENT: ReadonlySet<string> = new Set(['TOPIC_ALREADY_EXISTS']);
/** What an administrator's request cannot wait out. */
const ADMIN_REFUSED: ReadonlyMap<string, string> = new Map([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'the topic does not exist: run els topics ensure'],
  ['TOPIC_AUTHORIZATION_FAILED', 'grant Create and Describe on the topics, or Create on the cluster'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'grant Create on the cluster, or create the topics by other means'],
  ['POLICY_VIOLATION', 'the policy of the cluster forbids it'],
  ['INVALID_TOPIC_EXCEPTION', 'check TOPIC_PREFIX'],
  ['SASL_AUTHENTICATION_FAILED', CHECK_LOGIN],
  ['UNSUPPORTED_SASL_MECHANISM', 'check KAFKA_SASL_MECHANISM'],
  ['ILLEGAL_SASL_STATE', 'the listener takes no login: check KAFKA_BROKERS and KAFKA_SASL_MECHANISM'],
]);
/** TLS that will not agree however often it is tried. */
const TLS_REFUSED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_REVOKED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** kafkajs keeps of an error of the socket the message only. */
const TLS_MESSAGE = /wrong version number|certificate|packet length too long/i;
/** kafkajs calls whatever ends a login its failure, a lost connection too. */
const LOGIN_CUT_SHORT = /connection|timed? ?out|socket|ECONN/i;
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

/** START_CHECK_FAILED with what to do where waiting cannot help, else UNAVAILABLE. */
export function adminError(error: unknown, message: string): AppError {
  if (error instanceof AppError) return error;
  const advice = causes(error)
    .map(adviceOn)
    .find((found) => found !== undefined);
  return advice === undefined
    ? new AppError('UNAVAILABLE', message, { cause: error })
    : new AppError('START_CHECK_FAILED', `Kafka refused: ${advice}`, { cause: error });
}

function adviceOn(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const code = 'code' in cause ? String(cause.code) : '';
  if (TLS_REFUSED.has(code)) return 'TLS cannot be agreed on: check KAFKA_SSL and certificates';
  if (cause.name === 'KafkaJSConnectionError' && TLS_MESSAGE.test(cause.message)) {
    return 'TLS cannot be agreed on: check KAFKA_SSL and certificates';
  }
  const isLogin = cause.name === 'KafkaJSSASLAuthenticationError';
  if (isLogin && !LOGIN_CUT_SHORT.test(cause.message)) return CHECK_LOGIN;
  return 'type' in cause ? ADMIN_REFUSED.get(String(cause.type)) : undefined;
}

/** The asker has not the right. */
export function isRefused(error: unknown): boolean {
  return hasType(error, AUTHORIZATION);
}

export function isTopicPresent(error: unknown): boolean {
  return hasType(error, TOPIC_PRESENT);
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
