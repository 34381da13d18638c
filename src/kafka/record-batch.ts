/**
 * A fetched record batch in our words, from a position on: its records, and a letter for each stretch that was
 * unreadable.
 */
import type { Batch, KafkaMessage } from 'kafkajs';
import type { DeadLetter, InboundRecord, MessagePublisher, TopicPartition } from '../domain/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type UndecodableBatch, undecodableBatchOf } from './compression-codecs.ts';

export function readRecordBatch(batch: Batch, position: number): { records: InboundRecord[]; letters: DeadLetter[] } {
  const records: InboundRecord[] = [];
  const letters: DeadLetter[] = [];
  const receivedAtMs = performance.now();
  for (const message of batch.messages) {
    if (Number(message.offset) < position) continue;
    const undecodable = undecodableBatchOf(message);
    if (undecodable === undefined) records.push(toRecord(batch, message, receivedAtMs));
    else if (undecodable !== null) letters.push(toDeadLetter(toRecord(batch, message, receivedAtMs), undecodable));
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

function toDeadLetter(placeholder: InboundRecord, batch: UndecodableBatch): DeadLetter {
  const detail = `${batch.reason}; offsets ${batch.offsetFirst} to ${batch.offsetLast}, ${batch.recordCount} records`;
  const record = { ...placeholder, offset: batch.offsetFirst, headers: {} };
  return { record, reason: 'undecodable_batch', detail, attempts: 1 };
}
