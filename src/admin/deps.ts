/**
 * What the commands need from the world. Nothing is opened before a command asks for it, so that `config` works without
 * servers and `topics` without a database.
 */
import type { Environment } from '../config/config.ts';
import type { OutboxStore } from '../domain/ports.ts';
import type { StatusReader } from '../domain/status.ts';
import type { UnfinishedBatch } from '../domain/upkeep-store.ts';

export interface AdminDeps {
  /** Undefined: that of the process. */
  readonly environment: Environment | undefined;
  readonly migrations: Open<MigrationAdmin>;
  readonly topics: Open<TopicAdmin>;
  readonly deadLetters: Open<DeadLetterAdmin>;
  readonly outbox: Open<OutboxAdmin>;
  readonly status: Open<StatusReader>;
  readonly batches: Open<BatchAdmin>;
  /** What `els doctor` looks at. */
  readonly probes: readonly Probe[];
}

/** One look at one part of the world. Tells each thing it finds; rejects, once `signal` says so at the latest. */
export interface Probe {
  /** Of a look that fails, and of what mends that. */
  readonly about: string;
  readonly mend: string;
  /** What it can tell of once that is well. */
  readonly alsoAbout: readonly string[];
  look(tell: (finding: Finding) => void, signal: AbortSignal): Promise<void>;
}

export interface Finding {
  readonly about: string;
  /** `skipped`: could not be seen, because something before it failed. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly text: string;
  /** A command, or what to change; null where nothing needs it. */
  readonly mend: string | null;
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
  /** The newest `lettersMax`, in the order in which they were set aside. */
  list(filter: DeadLetterFilter, lettersMax: number): Promise<readonly StoredDeadLetter[]>;
  /**
   * Puts the original key, value and headers back into the original topic, at most `perSecondMax`; the letters stay.
   * Sends nothing that an earlier replay sent, nor what the service would set aside again, unless `force`.
   */
  replay(
    filter: DeadLetterFilter,
    options: { readonly dryRun: boolean; readonly perSecondMax: number; readonly force: boolean },
    /** Called after every letter. */
    onProgress: (soFar: ReplayCounts) => void,
  ): Promise<ReplayCounts>;
}

export interface ReplayCounts {
  readonly matched: number;
  readonly replayed: number;
  /** Batches that could not be decoded: they are no record that could be sent. */
  readonly skipped: number;
  /** Sent by an earlier replay. */
  readonly before: number;
  /** Would be set aside again, for what is in them. */
  readonly refused: number;
}

/** All given members must match. */
export interface DeadLetterFilter {
  /** The topic the record came from, with the deployment's prefix. */
  readonly topic?: string;
  readonly reason?: string;
  /** Of the dead-letter topic. */
  readonly partition?: number;
  /** Set aside for the first time from then on, and before then. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** As far as the value tells it. */
  readonly batchId?: string;
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
  /** All but those above: the record's own, and what a batch needs to be expanded. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

export interface BatchAdmin {
  /** Unfinished batches, the oldest first, and the cursor of the next page; null where this was the last. */
  list(wanted: {
    readonly states: readonly UnfinishedBatch['state'][];
    readonly ageMsMin: number;
    readonly batchesMax: number;
    readonly after: string | null;
  }): Promise<{ readonly batches: readonly UnfinishedBatch[]; readonly next: string | null }>;
  /** Completes an open batch by burning what is open; returns how many slots, null where it was complete before. */
  close(batchId: string): Promise<number | null>;
  /** Moves what waits for an announced batch to a file and forgets the batch; returns how many inputs. */
  expire(batchId: string, file: string): Promise<number>;
}

export interface OutboxAdmin {
  stats: OutboxStore['stats'];
  /** Those that were given up first, at most `rowsMax`. */
  list(rowsMax: number): Promise<readonly ListedOutboxRow[]>;
  /** Makes dead rows due again, all or those given; returns how many. */
  retryDead(ids?: readonly string[]): Promise<number>;
}

export interface ListedOutboxRow {
  readonly id: string;
  readonly state: 'waiting' | 'dead';
  readonly ageMs: number;
  /** Until when it is somebody's, or waits; null for what is given up. */
  readonly dueInMs: number | null;
  readonly attempts: number;
  readonly topics: readonly string[];
  readonly messageCount: number;
  readonly acknowledgedCount: number;
  /** Of the latest attempt. */
  readonly error: string | null;
}
