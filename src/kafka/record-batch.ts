/**
 * A fetched record batch in our words, from a position on: its records, and a letter for each stretch that was
 * unreadable.
 */
import type { Batch, KafkaMessage } from 'kafkajs';
import type { DeadLetter, InboundRecord, MessagePublisher, TopicPartition } from '../domain/ports.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../telemetry/logger.ts';

/** By the lowest bits of a record batch's attributes. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** What the patched client says of a record batch that cannot be decoded, on the one record in its place. */
interface Undecodable {
  readonly error: unknown;
  /** The records as they lie in the log, compressed. */
  readonly bytes: Buffer;
  readonly codec: number;
  readonly recordCount: number;
  readonly offsetFirst: string;
}

export function readRecordBatch(batch: Batch, position: number): { records: InboundRecord[]; letters: DeadLetter[] } {
  const records: InboundRecord[] = [];
  const letters: DeadLetter[] = [];
  const receivedAtMs = performance.now();
  for (const message of batch.messages) {
    if (Number(message.offset) < position) continue;
    const { undecodable } = message as KafkaMessage & { readonly undecodable?: Undecodable };
    const record = toRecord(batch, message, receivedAtMs);
    if (undecodable === undefined) records.push(record);
    else letters.push(toDeadLetter(record, undecodable));
  }
  return { records, letters };
}

export async function setAside(
  letters: readonly DeadLetter[],
  { deadLetters, log }: { deadLetters: Pick<MessagePublisher, 'publishDeadLetters'>; log: Logger },
): Promise<void> {
  for (const { record, detail } of letters) {
    const { topic, partition, offset } = record;
    log.error({ topic, partition, offset, detail }, 'record batch cannot be decoded and is passed over');
  }
  await deadLetters.publishDeadLetters(letters);
}

function toRecord({ topic, partition }: TopicPartition, message: KafkaMessage, receivedAtMs: number): InboundRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    receivedAtMs,
    key: message.key,
    value: message.value,
    headers: (message.headers ?? {}) as InboundRecord['headers'],
  };
}

/** The bytes of all records, and in headers what an operator needs to expand them. */
function toDeadLetter(last: InboundRecord, batch: Undecodable): DeadLetter {
  const { bytes, recordCount } = batch;
  const offset = Number(batch.offsetFirst);
  const codec = CODECS[batch.codec] ?? `codec ${batch.codec}`;
  const what = `${codec} batch ${describeError(batch.error)}`;
  const headers = {
    'dlq-batch-codec': Buffer.from(codec),
    'dlq-batch-bytes': Buffer.from(String(bytes.length)),
    'dlq-batch-records': Buffer.from(String(recordCount)),
    'dlq-batch-offset-last': Buffer.from(String(last.offset)),
  };
  return {
    record: { ...last, offset, value: bytes, headers },
    reason: 'undecodable_batch',
    detail: `${what}; offsets ${offset} to ${last.offset}, ${recordCount} records`,
    attempts: 1,
  };
}
