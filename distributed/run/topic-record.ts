/** Between a record's bytes and its line in `topics/*.jsonl`, byte for byte both ways. */
import { isUtf8 } from 'node:buffer';
import type { TopicRecord } from './records.ts';

/** A record as the reader of a topic has it. */
export interface RecordBytes {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export function encodeTopicRecord(record: RecordBytes): TopicRecord {
  const { topic, partition, timestampMs, key, value } = record;
  const isText = isUtf8(key ?? Buffer.alloc(0)) && isUtf8(value ?? Buffer.alloc(0));
  const encoding = isText ? 'utf8' : 'base64';
  return {
    topic,
    partition,
    offset: Number(record.offset),
    timestampMs,
    key: key?.toString(encoding) ?? null,
    value: value?.toString(encoding) ?? null,
    headers: { ...record.headers },
    ...(isText ? {} : { encoding: 'base64' as const }),
  };
}

export function decodeTopicRecord(record: TopicRecord): RecordBytes {
  const { topic, partition, timestampMs, headers } = record;
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, record.encoding ?? 'utf8'));
  const { key, value, offset } = record;
  return { topic, partition, offset: String(offset), timestampMs, key: bytes(key), value: bytes(value), headers };
}
