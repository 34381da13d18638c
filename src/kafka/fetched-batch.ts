import type { Batch, KafkaMessage } from 'kafkajs';
import type { DeadLetter, InboundRecord, TopicPartition } from '../domain/ports.ts';
import { type UndecodableBatch, undecodableBatchOf } from './compression-codecs.ts';

/** A fetched batch in our words, from a position on: its records, and a letter for each part that was unreadable. */
export function readBatch(batch: Batch, position: number): { records: InboundRecord[]; letters: DeadLetter[] } {
  const records: InboundRecord[] = [];
  const letters: DeadLetter[] = [];
  for (const message of batch.messages) {
    if (Number(message.offset) < position) continue;
    const undecodable = undecodableBatchOf(message);
    if (undecodable === undefined) records.push(toRecord(batch, message));
    else if (undecodable !== null) letters.push(toDeadLetter(batch, message, undecodable));
  }
  return { records, letters };
}

export function toRecord({ topic, partition }: TopicPartition, message: KafkaMessage): InboundRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    timestampMs: Number(message.timestamp),
    receivedAtMs: performance.now(),
    key: message.key,
    value: message.value,
    headers: (message.headers ?? {}) as InboundRecord['headers'],
  };
}

function toDeadLetter(at: TopicPartition, message: KafkaMessage, batch: UndecodableBatch): DeadLetter {
  const detail = `${batch.reason}; offsets ${batch.offsetFirst} to ${batch.offsetLast}, ${batch.recordCount} records`;
  const record = { ...toRecord(at, message), offset: batch.offsetFirst, headers: {} };
  return { record, reason: 'undecodable_batch', detail, attempts: 1 };
}
