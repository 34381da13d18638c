/**
 * Publishes a load: every input once, acknowledged by all in-sync replicas, in planned order within each partition.
 * One request per partition at a time (a send that spans brokers may lose or double messages when one of them
 * fails), partitions side by side. With a rate the model is open: an input is due when it is due, whatever the
 * service or Kafka does, and its latency counts from then. Memory is bounded by `RECORDS_WAITING_MAX`.
 */
import { build as buildHistogram, type Histogram } from 'hdr-histogram-js';
import { type ICustomPartitioner, type Kafka, Partitioners, type PartitionMetadata, type Producer } from 'kafkajs';
import { contentMessage, failureMessage, registrationMessage } from '../../src/contract/inbound-messages.ts';
import type { Topics } from '../../src/contract/topics.ts';
import { PartitionQueue, type SentInput } from './partition-queue.ts';
import type { PlannedInput } from './plan.ts';
import type { RawHeaders, SendableInput, SendableLoad } from './sendable.ts';

const RECORDS_WAITING_MAX = 20_000;
const PROGRESS_INTERVAL_MS = 200;
/** Between two attempts of the client library: brokers that are back are not left waiting for their load. */
const RETRY_MS_MAX = 1_000;
/** Longest sleep of the pacer; inputs due within it leave together. */
const PACE_INTERVAL_MS = 5;

export interface PublishOptions {
  readonly kafka: Kafka;
  readonly topics: Topics;
  readonly load: SendableLoad;
  /** Called at most every `PROGRESS_INTERVAL_MS` and once at the end. */
  readonly onProgress?: (progress: PublishProgress) => void;
  /** Called before an input is handed to the client library: whoever keeps a history writes it now. */
  readonly onSending?: (input: SendableInput, dueAtMs: number) => void;
  /** Called with every group of inputs that Kafka acknowledged. */
  readonly onAcknowledged?: (sent: readonly SentInput[]) => void;
  /** How long one request is tried again beyond the client library's own patience; 0 if not given. */
  readonly patienceMs?: number;
  /** Ends the load early; what was sent is sent. */
  readonly signal?: AbortSignal;
}

export interface PublishProgress {
  readonly published: number;
  readonly total: number;
  readonly elapsedMs: number;
}

export interface PublishResult extends PublishProgress {
  readonly startedAtMs: number;
  readonly ratePerSecond: number;
  /** From due time (or, without a rate, from queueing) to acknowledgement, in milliseconds. */
  readonly acknowledgement: Histogram;
  /** Per batch the wall-clock time at which the input was due that made its completion possible. */
  readonly completableAtMs: ReadonlyMap<string, number>;
  readonly aborted: boolean;
}

export async function publishLoad(options: PublishOptions): Promise<PublishResult> {
  const producer = options.kafka.producer({
    allowAutoTopicCreation: false,
    retry: { retries: 10, maxRetryTime: RETRY_MS_MAX },
  });
  await producer.connect();
  try {
    const partitionCounts = await countPartitions(options.kafka, options.topics);
    return await new LoadRun(options, producer, partitionCounts).run();
  } finally {
    await producer.disconnect();
  }
}

interface ProducerRecord {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers: RawHeaders;
}

function recordOf(input: SendableInput, topics: Topics): ProducerRecord {
  if (input.kind === 'raw') {
    return { topic: topics[input.topic], key: input.key, value: input.value, headers: input.headers };
  }
  const message = messageOf(input, topics);
  return { ...message, headers: { ...message.headers } };
}

/** Builds the record of one planned input. */
export function messageOf(input: PlannedInput, topics: Topics) {
  switch (input.kind) {
    case 'registration':
      return registrationMessage({ ...input, topics });
    case 'content':
      return contentMessage({ ...input, topics });
    case 'failure':
      return failureMessage({ ...input, topics });
  }
}

async function countPartitions(kafka: Kafka, topics: Topics): Promise<Map<string, number>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const names = [topics.registration, topics.content, topics.failure];
    const metadata = await admin.fetchTopicMetadata({ topics: names });
    return new Map(metadata.topics.map((topic) => [topic.name, topic.partitions.length]));
  } finally {
    await admin.disconnect();
  }
}

class LoadRun {
  private readonly options: PublishOptions;
  private readonly queues = new Map<string, PartitionQueue[]>();
  private readonly partitions = new Map<string, PartitionMetadata[]>();
  private readonly partitioner: ReturnType<ICustomPartitioner> = Partitioners.DefaultPartitioner();
  private readonly acknowledgement = buildHistogram({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000 });
  private readonly completableAtMs = new Map<string, number>();
  private readonly startedAtMs = Date.now();
  private waiting = 0;
  private published = 0;
  private failure: Error | null = null;
  private progressAtMs = 0;
  private wake: (() => void) | null = null;

  constructor(options: PublishOptions, producer: Producer, partitionCounts: ReadonlyMap<string, number>) {
    this.options = options;
    for (const [topic, count] of partitionCounts) {
      const queues = Array.from({ length: count }, (_, partition) => {
        const listener = {
          acknowledged: (sent: readonly SentInput[]) => this.noteAcknowledged(sent),
          failed: (error: Error) => this.noteFailed(error),
        };
        return new PartitionQueue({ producer, topic, partition, listener, patienceMs: options.patienceMs ?? 0 });
      });
      this.queues.set(topic, queues);
      const unknown = { partitionErrorCode: 0, leader: 0, replicas: [], isr: [] };
      const metadata = Array.from({ length: count }, (_, partitionId) => ({ ...unknown, partitionId }));
      this.partitions.set(topic, metadata);
    }
  }

  async run(): Promise<PublishResult> {
    const aborted = await this.enqueueAll();
    while (this.waiting > 0 && this.failure === null) {
      await this.untilWoken(1_000);
    }
    if (this.failure !== null) {
      throw this.failure;
    }
    this.reportProgress(true);
    const elapsedMs = Math.max(1, Date.now() - this.startedAtMs);
    return {
      published: this.published,
      total: this.options.load.manifest.totals.inputs,
      elapsedMs,
      startedAtMs: this.startedAtMs,
      ratePerSecond: (this.published / elapsedMs) * 1_000,
      acknowledgement: this.acknowledgement,
      completableAtMs: this.completableAtMs,
      aborted,
    };
  }

  private async enqueueAll(): Promise<boolean> {
    const { load, signal } = this.options;
    const paced = load.options.ratePerSecond > 0;
    for (const input of load.inputs()) {
      for (;;) {
        if (signal?.aborted === true || this.failure !== null) {
          return true;
        }
        const earlyMs = paced ? this.startedAtMs + input.dueMs - Date.now() : 0;
        if (earlyMs <= 0 && this.waiting < RECORDS_WAITING_MAX) {
          break;
        }
        await this.untilWoken(earlyMs > 0 ? Math.max(PACE_INTERVAL_MS, earlyMs) : 1_000);
      }
      this.enqueue(input, paced ? this.startedAtMs + input.dueMs : Date.now());
    }
    return false;
  }

  private enqueue(input: SendableInput, dueAtMs: number): void {
    const message = recordOf(input, this.options.topics);
    const partitionMetadata = this.partitions.get(message.topic) ?? [];
    // Only the number of partitions matters for a message with a key.
    const partition = this.partitioner({ topic: message.topic, partitionMetadata, message });
    const queue = this.queues.get(message.topic)?.[partition];
    if (queue === undefined) {
      throw new Error(`topic ${message.topic} does not exist`);
    }
    if (input.makesCompletable) {
      this.completableAtMs.set(input.batchId, dueAtMs);
    }
    this.waiting++;
    this.options.onSending?.(input, dueAtMs);
    queue.push({ key: message.key, value: message.value, headers: message.headers }, { input, dueAtMs });
  }

  private noteAcknowledged(sent: readonly SentInput[]): void {
    const nowMs = Date.now();
    for (const { dueAtMs } of sent) {
      this.acknowledgement.recordValue(Math.max(0, nowMs - dueAtMs));
    }
    this.options.onAcknowledged?.(sent);
    this.published += sent.length;
    this.waiting -= sent.length;
    this.reportProgress(false);
    if (this.waiting < RECORDS_WAITING_MAX / 2) {
      this.wake?.();
    }
  }

  private noteFailed(error: Error): void {
    this.failure ??= error;
    this.wake?.();
  }

  private reportProgress(last: boolean): void {
    const nowMs = Date.now();
    if (last || nowMs - this.progressAtMs >= PROGRESS_INTERVAL_MS) {
      this.progressAtMs = nowMs;
      const total = this.options.load.manifest.totals.inputs;
      this.options.onProgress?.({ published: this.published, total, elapsedMs: nowMs - this.startedAtMs });
    }
  }

  /** Resolves when a send made room or failed, at the latest after `waitMsMax`. */
  private untilWoken(waitMsMax: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake?.(), waitMsMax);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
    });
  }
}
