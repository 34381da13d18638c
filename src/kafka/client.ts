/**
 * A kafkajs client as every adapter here expects it: every wait bounded, its log in ours, decompression limited.
 */
import { isIP } from 'node:net';
import { Kafka, type LogEntry, logLevel } from 'kafkajs';
import { parseHosts } from '../connection/address.ts';
import { hintFor } from '../connection/hints.ts';
import type { TlsFiles } from '../connection/tls-files.ts';
import type { Logger } from '../telemetry/logger.ts';
import { socketFactoryOf } from './broker-sockets.ts';
import { installCompressionCodecs } from './compression-codecs.ts';
import { type KafkaLogin, saslOf } from './login.ts';

const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 500;
/** Ordinary life of a group, reported by kafkajs as errors. */
const ORDINARY = /rebalanc|not the current generation|not aware of this member|re-joining/i;
const REPEAT_MS_MIN = 10_000;
const REMEMBERED_MAX = 200;

export interface KafkaClientOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly log: Logger;
  readonly connectionTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /**
   * How long a lost connection is tried again before a call fails. Long for consumers, which keep their membership
   * over an outage that way; short for publishers and admin calls, whose callers have a backoff of their own.
   */
  readonly reconnectMsMax?: number;
  /** Limit of one decompressed record batch. Global to the process: the client created last counts. */
  readonly decompressedBytesMax?: number;
  /** Plain text and no login if not given. */
  readonly security?: KafkaSecurity;
}

export interface KafkaSecurity {
  /** Undefined: plain text. */
  readonly tls?: TlsFiles;
  readonly login?: KafkaLogin;
}

/** For `reconnectMsMax` of a client that is to consume: longer than a broker's restart. */
export const CONSUMER_RECONNECT_MS_MAX = 60_000;

export function createKafka(options: KafkaClientOptions): Kafka {
  installCompressionCodecs({ outputBytesMax: options.decompressedBytesMax ?? 16 * 1024 * 1024 });
  const { tls, login } = options.security ?? {};
  return new Kafka({
    // Somewhere else each time: a client that always began at the same broker would hang with it.
    brokers: () => shuffled(options.brokers).map(brokerName),
    ssl: tls !== undefined,
    ...(login !== undefined && { sasl: saslOf(login) }),
    clientId: options.clientId,
    connectionTimeout: options.connectionTimeoutMs ?? 3_000,
    requestTimeout: options.requestTimeoutMs ?? 10_000,
    retry: retryFor(options.reconnectMsMax ?? 2_000),
    socketFactory: socketFactoryOf(tls ?? {}),
    logLevel: logLevel.INFO,
    logCreator: () => createLogSink(options.log),
  });
}

/** kafkajs counts retries; ours are at most half a second apart, so that work resumes soon after an outage. */
export function retryFor(durationMs: number): {
  initialRetryTime: number;
  maxRetryTime: number;
  retries: number;
  factor: number;
} {
  return {
    initialRetryTime: RETRY_MS_FIRST,
    maxRetryTime: RETRY_MS_MAX,
    retries: 2 + Math.ceil(durationMs / RETRY_MS_MAX),
    factor: 0.2,
  };
}

function shuffled(brokers: readonly string[]): string[] {
  const start = Math.floor(Math.random() * brokers.length);
  return [...brokers.slice(start), ...brokers.slice(0, start)];
}

function brokerName(broker: string): string {
  const [{ host, port } = { host: '', port: 0 }] = parseHosts(broker);
  return `${isIP(host) === 6 ? `${host.replaceAll(':', '-')}.ipv6` : host}:${port}`;
}

/**
 * kafkajs's warnings and errors are our warnings (what needs an error is decided and logged by the adapters), the same
 * one at most every ten seconds; what it says for information becomes debug lines.
 */
function createLogSink(log: Logger): (entry: LogEntry) => void {
  const lastMs = new Map<string, number>();
  return ({ namespace, level, log: entry }) => {
    const error = typeof entry['error'] === 'string' ? entry['error'] : undefined;
    const hint = hintFor(`${entry.message} ${error ?? ''}`);
    const fields = { namespace, detail: entry.message, error, hint, topic: entry['topic'], broker: entry['broker'] };
    if (level > logLevel.WARN || ORDINARY.test(`${entry.message} ${error ?? ''}`)) {
      log.debug(fields, 'kafka client');
      return;
    }
    const key = `${namespace} ${entry.message} ${error ?? ''}`;
    const nowMs = performance.now();
    if (nowMs - (lastMs.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS_MIN) return;
    if (lastMs.size >= REMEMBERED_MAX) lastMs.clear();
    lastMs.set(key, nowMs);
    log.warn(fields, 'kafka client');
  };
}
