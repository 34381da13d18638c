/**
 * One life of one kafkajs consumer, from connect to its crash or close. It never restarts itself: a crashed consumer
 * is replaced by a new one, whose state is known. Hooks are called synchronously, in the order in which things happen.
 */
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { PartitionOffset, TopicPartition } from '../domain/ports.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { retryFor } from './client.ts';
import { ConsumerCluster } from './consumer-cluster.ts';
import { FetchPacing } from './fetch-pacing.ts';

/** Retries of the fetch loop; connections have their own (see the client), so this is not what ends an outage. */
const FETCH_RETRY_MS_MAX = 100_000;
const METADATA_MS_MAX = 10_000;
/**
 * Partitions whose record batches are handed over at the same time. Handing over takes no time; it is more than one so
 * that a partition whose records are being set aside does not hold up the others.
 */
const PARTITIONS_AT_ONCE = 4;

export interface ConsumerSessionOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly log: Logger;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly maxWaitMs: number;
  readonly idleWaitMs: number;
  readonly gatherMs: number;
  readonly answerBytesMax: number;
  readonly partitionBytesMax: number;
}

export interface ConsumerSessionHooks {
  joined(assignment: Readonly<Record<string, readonly number[]>>): void;
  /** The consumer group rebalances: the current generation can still commit, until the promise settles. */
  yielding(): Promise<void>;
  /** Membership of the current generation ended. May come more than once. */
  ended(): void;
  /** A fetch came back; positions may be known now. */
  fetched(): void;
  /** kafkajs moved on over a record batch that holds no record for us. */
  passedOver(partition: TopicPartition, offsetFirst: number | null, offsetLast: number): void;
  recordBatch(payload: EachBatchPayload): Promise<void>;
  /** The position of the partition is not in the log. The fetch loop waits for the promise. */
  outOfRange(partition: TopicPartition): Promise<void>;
  crashed(error: Error): void;
}

export class ConsumerSession {
  readonly cluster: ConsumerCluster;
  private readonly pacing: FetchPacing;
  private readonly options: ConsumerSessionOptions;
  private readonly consumer: Consumer;
  private commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  private crash: Error | undefined;
  private isRunning = false;
  private answeredAtMs = performance.now();
  private yielded: Promise<void> = Promise.resolve();

  constructor(options: ConsumerSessionOptions, hooks: ConsumerSessionHooks) {
    this.options = options;
    this.pacing = new FetchPacing(options);
    this.cluster = new ConsumerCluster(options.groupId, {
      beforeJoin: () => this.yielded,
      outOfRange: (partition) => hooks.outOfRange(partition),
      fetchTerms: () => this.pacing.next(this.consumer.paused().length > 0),
      topicsMissing: (topics) => {
        if (topics.length > 0) options.log.error({ topics }, 'input topics are missing, the others are read');
        else options.log.info('all input topics are there again');
      },
    });
    this.consumer = options.kafka.consumer({
      groupId: options.groupId,
      partitionAssigners: [this.cluster.assigner],
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      maxWaitTimeInMs: options.maxWaitMs,
      minBytes: 1,
      maxBytes: options.answerBytesMax,
      maxBytesPerPartition: options.partitionBytesMax,
      // Also how soon new partitions are noticed, and who leads after a broker hung.
      metadataMaxAge: METADATA_MS_MAX,
      allowAutoTopicCreation: false,
      // One of them may have no leader: the others are read.
      toleratesPartitionErrors: true,
      retry: { ...retryFor(FETCH_RETRY_MS_MAX), restartOnFailure: async () => false },
    });
    this.listen(hooks);
    this.receive = async (payload) => {
      this.commitOffsets = payload.commitOffsetsIfNecessary;
      await hooks.recordBatch(payload);
    };
  }

  private readonly receive: (payload: EachBatchPayload) => Promise<void>;

  /** Resolves when the consumer group was joined. */
  async open(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: this.receive,
    });
    if (this.crash !== undefined) throw this.crash;
    this.isRunning = true;
  }

  /** What it crashed of. */
  get failure(): Error | undefined {
    return this.crash;
  }

  /** Leaves the consumer group; the wait is the caller's to bound. */
  async close(): Promise<void> {
    this.isRunning = false;
    await this.consumer.disconnect();
  }

  pause({ topic, partition }: TopicPartition): void {
    if (this.isRunning) this.consumer.pause([{ topic, partitions: [partition] }]);
  }

  resume({ topic, partition }: TopicPartition): void {
    if (this.isRunning) this.consumer.resume([{ topic, partitions: [partition] }]);
  }

  seek({ topic, partition }: TopicPartition, offsetNext: number): void {
    this.pacing.moved();
    this.consumer.seek({ topic, partition, offset: String(offsetNext) });
  }

  /**
   * One attempt under the generation of this very moment. kafkajs's own commit repeats itself, over a rejoin too, and
   * then speaks for a generation that never owned these offsets; the one it hands to batch handlers does not.
   */
  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (this.commitOffsets === undefined) throw new AppError('UNAVAILABLE', 'nothing was fetched by this consumer yet');
    const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: offsets
        .filter((offset) => offset.topic === topic)
        .map(({ partition, offsetNext }) => ({ partition, offset: String(offsetNext) })),
    }));
    await this.commitOffsets({ topics });
  }

  /** When a broker last answered any request, on the monotonic clock; its creation before the first answer. */
  get lastAnswerAtMs(): number {
    return this.answeredAtMs;
  }

  canCommit(): boolean {
    return this.commitOffsets !== undefined;
  }

  private listen(hooks: ConsumerSessionHooks): void {
    const { consumer } = this;
    const { events } = consumer;
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      // kafkajs keeps pauses over a rebalance; the new epoch begins with nothing held back.
      consumer.resume(this.options.topics.map((topic) => ({ topic })));
      this.pacing.moved();
      hooks.joined(payload.memberAssignment);
    });
    consumer.on(events.REBALANCING, () => {
      this.yielded = hooks.yielding();
    });
    // Also the joins that kafkajs does not announce: from here on it commits under the new generation.
    consumer.on(events.REQUEST, ({ payload }) => {
      this.answeredAtMs = performance.now();
      if (payload.apiName === 'JoinGroup') hooks.ended();
      if (payload.apiName === 'Fetch') this.pacing.answered(payload.duration);
    });
    consumer.on(events.FETCH, () => hooks.fetched());
    consumer.on(events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) {
        this.pacing.broughtRecords();
        return;
      }
      const { topic, partition, lastOffset } = payload;
      // Null where all records lie before the position; the types do not know.
      const firstOffset: string | null = payload.firstOffset;
      hooks.passedOver({ topic, partition }, firstOffset === null ? null : Number(firstOffset), Number(lastOffset));
    });
    consumer.on(events.CRASH, ({ payload }) => {
      this.isRunning = false;
      this.crash = payload.error;
      hooks.crashed(payload.error);
    });
  }
}
