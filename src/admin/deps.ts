/**
 * What the commands need from the world. Nothing is opened before a command asks for it, so that `config` works without
 * servers and `topics` without a database.
 */
import type { Environment } from '../config/config.ts';
import type { OutboxStore } from '../domain/ports.ts';
import type { StatusReader } from '../domain/status.ts';

export interface AdminDeps {
  /** Undefined: that of the process. */
  readonly environment: Environment | undefined;
  readonly migrations: Open<MigrationAdmin>;
  readonly topics: Open<TopicAdmin>;
  readonly deadLetters: Open<DeadLetterAdmin>;
  readonly outbox: Open<OutboxAdmin>;
  readonly status: Open<StatusReader>;
}

/** Checks the settings it needs (CONFIG_INVALID) and connects (UNAVAILABLE). */
export type Open<Port> = () => Promise<Opened<Port>>;

export interface Opened<Port> {
  readonly port: Port;
  close(): Promise<void>;
}

/** Opens, works and closes, whatever happens. */
export async function using<Port, Result>(open: Open<Port>, work: (port: Port) => Promise<Result>): Promise<Result> {
  const opened = await open();
  try {
    return await work(opened.port);
  } finally {
    await opened.close();
  }
}

export interface MigrationAdmin {
  /** Names of the migrations applied now; empty when there was nothing to do. */
  up(onProgress: (line: string) => void): Promise<{ readonly applied: readonly string[] }>;
  /** `newer`: applied by a newer build, and no hindrance to this one. */
  status(): Promise<{
    readonly applied: readonly string[];
    readonly pending: readonly string[];
    readonly newer?: readonly string[];
  }>;
}

export interface TopicAdmin {
  /** Creates what is missing; never changes or deletes a topic that exists. Without a number, what the cluster allows. */
  ensure(wanted: {
    readonly partitions: number;
    readonly replicationFactor: number | undefined;
  }): Promise<readonly TopicState[]>;
  /** What of the topics stands in the way of a start; empty when nothing does. `warn`: what is only unwise. */
  check(warn: (text: string) => void): Promise<readonly string[]>;
}

export interface TopicState {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas: number;
  /** Null where it may not be seen. */
  readonly inSyncReplicasMin: number | null;
  /** -1: without end. */
  readonly retentionMs: number | null;
  readonly created: boolean;
}

export interface DeadLetterAdmin {
  /** In log order, at most `lettersMax`. */
  list(filter: DeadLetterFilter, lettersMax: number): Promise<readonly StoredDeadLetter[]>;
  /**
   * Puts the original key, value and headers back into the original topic, at most `perSecondMax`; the letters stay.
   * The service recognises what it has handled, so a replay may be repeated.
   */
  replay(
    filter: DeadLetterFilter,
    options: { readonly dryRun: boolean; readonly perSecondMax: number },
  ): Promise<{ readonly matched: number; readonly replayed: number }>;
}

/** All given members must match. */
export interface DeadLetterFilter {
  /** The topic the record came from, with the deployment's prefix. */
  readonly topic?: string;
  readonly reason?: string;
  /** Where the letter itself lies in the dead-letter topic. */
  readonly position?: { readonly partition: number; readonly offset: number };
}

export interface StoredDeadLetter {
  readonly deadLetterTopic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  /** Origin and history, from the letter's headers; null where a header is missing. */
  readonly topic: string | null;
  readonly topicPartition: number | null;
  readonly topicOffset: number | null;
  readonly attempts: number | null;
  readonly firstSeen: string | null;
  readonly instance: string | null;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface OutboxAdmin {
  stats: OutboxStore['stats'];
  /** Makes dead rows due again, all or those given; returns how many. */
  retryDead(ids?: readonly string[]): Promise<number>;
}
