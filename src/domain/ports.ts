/**
 * What the worker needs from the world, in the worker's words. Adapters live in folders named after their technology.
 * Errors crossing a port are AppErrors or bugs; `retryable` on them is the only thing callers look at.
 */
import type { DeadLetterReason } from '../contract/dead-letter-reasons.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where one record lies. */
export interface RecordOffset extends TopicPartition {
  readonly offset: number;
}

export type RecordHeaders = Readonly<Record<string, Uint8Array | readonly Uint8Array[] | undefined>>;

/** One record as it lies in the log. Offsets stay below 2^53, so a number is exact. */
export interface InboundRecord extends RecordOffset {
  readonly timestampMs: number;
  /** When this process got it, on its monotonic clock; for latencies only, absent where none are measured. */
  readonly receivedAtMs?: number | undefined;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: RecordHeaders;
}

/** The next offset to read: everything below it is resolved. */
export interface PartitionOffset extends TopicPartition {
  readonly offsetNext: number;
}

/** Where a partition begins in an epoch, and how its former owner ended. */
export interface PartitionStart extends PartitionOffset {
  /** Absent after a clean end. */
  readonly leftInHand?: LeftInHand;
}

/** What the former owner of a partition was handling when it ended uncleanly: the records from the start on. */
export interface LeftInHand {
  /** The first offset that it had not in hand. */
  readonly offsetEnd: number;
  /** Everything below is settled in the database and therefore harmless. */
  readonly settledNext: number;
}

/**
 * A consumer group member. An epoch is one generation of that group as this member saw it; it rises at every join.
 * Buffered records of an older epoch may belong to somebody else by now, so commits carry their epoch.
 */
export interface RecordSource {
  start(listener: RecordListener): Promise<void>;
  /**
   * Stops fetching the partition until resumed; records already handed over stay the listener's. What is paused is
   * known here alone: asking again for what is so already does nothing, and a new epoch begins with nothing paused.
   */
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /**
   * Commits where the epoch is still current, silently drops the rest: to the database first, then to Kafka. Rejects
   * (retryable) when either does not answer. What is committed is known here alone: a position is when the promise
   * resolves, and not before.
   */
  commit(epoch: number, offsets: readonly PartitionOffset[]): Promise<void>;
  /** Leaves the consumer group. Offsets must have been committed before: a stopped member cannot commit. */
  stop(): Promise<void>;
}

/** Whom the source hands its records to: the worker's is the intake, `worker/intake/intake.ts`. */
export interface RecordListener {
  /** A new generation began; all records of former epochs are void. */
  assigned(epoch: number, partitions: readonly PartitionStart[]): void;
  /**
   * The consumer group is about to rebalance: nothing more is handed over, but what is resolved can still be committed.
   * The source rejoins when the promise settles, or after a bounded time.
   */
  yielding(epoch: number): Promise<void>;
  /** The epoch ended (rebalance, lost membership or stop); nothing of it can be committed any more. */
  revoked(epoch: number): void;
  /** Records of one partition in offset order. Must return at once; backpressure is by pause. */
  records(epoch: number, records: readonly InboundRecord[]): void;
  /** The source has failed for good; the process must end rather than linger. */
  crashed(error: Error): void;
}

/** A message to be published. `value` and `headers` are final: every physical copy is the same bytes. */
export interface OutboundMessage {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record set aside with its original bytes and the reason in its headers. */
export interface DeadLetter {
  readonly record: InboundRecord;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly attempts: number;
}

export interface MessagePublisher {
  /**
   * Where the message would go, known without waiting. Messages of one destination share its fate and keep their order;
   * those of different ones have nothing to do with each other.
   */
  destinationOf(message: OutboundMessage): string;
  /**
   * Publishes each message at least once, all of them of one destination, within a bounded time. The result is parallel
   * to the messages: null where the acknowledgement came, else why not (retryable: everything but what is in the
   * message).
   */
  publish(destination: string, messages: readonly OutboundMessage[]): Promise<(Error | null)[]>;
  /**
   * Resolves when all letters are acknowledged; rejects (retryable) otherwise. Their `dlq-*` headers say why, and from
   * where.
   */
  publishDeadLetters(letters: readonly DeadLetter[]): Promise<void>;
}

/** One outbox row carries all events of one transaction (a large one has a row of its own). */
export interface OutboxRow {
  readonly id: string;
  readonly messages: readonly OutboundMessage[];
  /** How often it was put back so far. */
  readonly attempts: number;
  /** When the lease began, at the latest, on this process's monotonic clock. */
  readonly heldSinceMs: number;
  /** Indexes of messages that were acknowledged already, ascending. */
  readonly acknowledged: readonly number[];
  /** Of each completion among the messages, when the input that caused it was received; known to its writer only. */
  readonly completersReceivedAtMs?: readonly number[];
}

/** A row that goes back into the table, with what was acknowledged so far. */
export interface ReturnedRow {
  readonly id: string;
  readonly error: string;
  readonly delayMs: number;
  /** Some of its messages can never be published, all others are. It leaves the poll and raises an alert. */
  readonly dead: boolean;
  readonly acknowledged: readonly number[];
}

export interface OutboxStats {
  /** Unpublished rows, and messages in them that are not acknowledged; counted up to a limit. Dead rows do not count. */
  readonly unpublishedCount: number;
  readonly unpublishedMessages: number;
  readonly oldestAgeMs: number;
  readonly deadCount: number;
}

export interface OutboxStore {
  /** Takes due rows (oldest first, SKIP LOCKED) under a lease; a row not marked within it becomes due again. */
  claimDue(rowsMax: number): Promise<OutboxRow[]>;
  markPublished(ids: readonly string[]): Promise<void>;
  /** Puts rows back that this instance holds; what somebody else has taken over stays as it is. */
  reschedule(rows: readonly ReturnedRow[]): Promise<void>;
  /** Deletes published rows past retention, at most `rowsMax`; returns how many. */
  purge(rowsMax: number): Promise<number>;
  /** Counts at most `rowsMax` rows (if not given, enough to be looked at), so that the cost is bounded. */
  stats(rowsMax?: number): Promise<OutboxStats>;
}

/**
 * Event ids that were probably resolved before. A hint only chooses the order of looking: a hinted input is first
 * looked up read-only in the database. Never throws, never waits longer than its command timeout.
 */
export interface HintStore {
  /** Parallel to the ids. All false when Redis cannot answer. */
  seen(eventIds: readonly string[]): Promise<boolean[]>;
  /** After commit only. Fire and forget, bounded in flight. */
  remember(eventIds: readonly string[]): void;
}

/**
 * Tells whoever listens that batches have changed. No more than that: who is told looks into the database. Never throws,
 * never waits; a ring may be lost.
 */
export interface Doorbell {
  /** After commit only. */
  ring(batchIds: readonly string[]): void;
}

/** Hears the doorbell of all workers. Never throws; while it is deaf nobody is told. */
export interface DoorbellListener {
  /** `onRing` with the batches of one ring, `onHearing` when it hears again: what was rung meanwhile is lost. */
  listen(listener: { onRing(batchIds: readonly string[]): void; onHearing(): void }): void;
  close(): void;
}

/**
 * How far the partitions are settled in the database. It may have lost what it had acknowledged (a failover to a standby
 * that was behind), so it is asked where to begin, and notices when it is not the server that was asked.
 */
export interface PartitionProgressStore {
  /**
   * Begins with these partitions: each at its committed position, or at the one the database has where that is lower,
   * which is then what the database has. Parallel to the partitions.
   */
  begin(committed: readonly PartitionOffset[]): Promise<PartitionStart[]>;
  /**
   * Moves positions on, never back. Answers the partitions that it could not move, because the database does not have
   * what it had at the last `begin` or `advance`: what was settled since may be lost.
   */
  advance(moves: readonly PartitionMove[]): Promise<TopicPartition[]>;
}

export interface PartitionMove extends PartitionOffset {
  /** The position that the database has acknowledged before. */
  readonly offsetFrom: number;
}

/**
 * Marks of records in hand. They outlive the process, and by them a poison record is found: one that ends every process
 * that handles it. `advance` takes away what it has passed. A mark is this process's alone, not its instance's: a
 * restarted instance is a successor like any other.
 */
export interface PoisonMarkStore {
  /** One mark per partition, in the place of a former one. */
  mark(stretches: readonly MarkedStretch[]): Promise<void>;
  /**
   * Notes that everything before the record is settled and that the record is about to be handled alone. Answers how
   * often it was noted before.
   */
  markRecord(record: RecordOffset): Promise<number>;
  /** Takes this process's marks away, not those of who has taken over since. */
  clear(partitions: readonly TopicPartition[]): Promise<void>;
}

/** The records from `offsetFrom` to below `offsetEnd`. */
export interface MarkedStretch extends TopicPartition {
  readonly offsetFrom: number;
  readonly offsetEnd: number;
}

export interface Clock {
  /** Milliseconds since the epoch; for timestamps shown to people, never for order. */
  nowMs(): number;
}

export interface LagReader {
  /** Records between committed offset and end, per partition of the inbound topics; -1 where unknown. */
  read(): Promise<readonly (TopicPartition & { readonly lag: number })[]>;
}
