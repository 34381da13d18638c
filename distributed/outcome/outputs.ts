import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { completedEvent, excessEvent, slotAssignedEvent } from '../../src/contract/outbound-schemas.ts';
import { deadLetterTopic, INBOUND, type Topics } from '../../src/contract/topics.ts';

/**
 * What the service published, parsed strictly against the contract. Every physical record is kept, copies too:
 * whether there may be copies is for the checks to say.
 */
export interface Outputs {
  readonly slotAssigned: readonly SlotAssignedOutput[];
  readonly excess: readonly ExcessOutput[];
  readonly completed: readonly CompletedOutput[];
  readonly deadLetters: readonly DeadLetterOutput[];
  /** Records that are not what the contract says, each with its place and reason. */
  readonly malformed: readonly string[];
}

export interface OutputRecord {
  /** topic/partition@offset, to find the record again. */
  readonly at: string;
  readonly timestampMs: number;
  readonly key: string;
  readonly eventId: string;
  /** Of key, value and headers: equal for copies of one message and for nothing else. */
  readonly digest: string;
  readonly batchId: string;
}

export interface SlotAssignedOutput extends OutputRecord {
  readonly essayId: string;
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
}

export interface ExcessOutput extends OutputRecord {
  readonly textStorageId: string;
  readonly originalFileName: string;
}

export interface CompletedOutput extends OutputRecord {
  readonly provisionedCount: number;
  readonly expectedCount: number;
  readonly courseCode: string;
  readonly userId: string;
  readonly correlationId: string;
  readonly essays: readonly { readonly essayId: string; readonly textStorageId: string }[];
}

export interface DeadLetterOutput {
  readonly at: string;
  readonly reason: string;
  /** topic/partition@offset of the record that was set aside; copies of one letter share it. */
  readonly origin: string;
  /** Of the original record, when it can be read. */
  readonly batchId: string | null;
}

/** A record as it lies in a topic. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Every topic the service may write to. */
export function outputTopics(topics: Topics): string[] {
  const deadLetters = INBOUND.map((name) => deadLetterTopic(topics[name]));
  return [topics.slotAssigned, topics.excess, topics.completed, ...deadLetters];
}

/** Sorts records into outputs as they come. */
export class OutputCollector {
  private readonly topics: Topics;
  readonly slotAssigned: SlotAssignedOutput[] = [];
  readonly excess: ExcessOutput[] = [];
  readonly completed: CompletedOutput[] = [];
  readonly deadLetters: DeadLetterOutput[] = [];
  readonly malformed: string[] = [];

  constructor(topics: Topics) {
    this.topics = topics;
  }

  add(record: RawRecord): void {
    const { topics } = this;
    switch (record.topic) {
      case topics.slotAssigned:
        this.addSlotAssigned(record);
        break;
      case topics.excess:
        this.addExcess(record);
        break;
      case topics.completed:
        this.addCompleted(record);
        break;
      default:
        this.deadLetters.push(readDeadLetter(record));
    }
  }

  private addSlotAssigned(record: RawRecord): void {
    const event = this.parse(slotAssignedEvent, record);
    if (event !== null) {
      const { batch_id: batchId, essay_id: essayId, text_storage_id: textStorageId } = event.data;
      const { file_upload_id: fileUploadId, original_file_name: originalFileName } = event.data;
      const base = outputRecord(record, event.event_id, batchId);
      this.slotAssigned.push({ ...base, essayId, textStorageId, fileUploadId, originalFileName });
    }
  }

  private addExcess(record: RawRecord): void {
    const event = this.parse(excessEvent, record);
    if (event !== null) {
      const { batch_id: batchId, text_storage_id: textStorageId, original_file_name: originalFileName } = event.data;
      this.excess.push({ ...outputRecord(record, event.event_id, batchId), textStorageId, originalFileName });
    }
  }

  private addCompleted(record: RawRecord): void {
    const event = this.parse(completedEvent, record);
    if (event !== null) {
      const { data } = event;
      this.completed.push({
        ...outputRecord(record, event.event_id, data.batch_id),
        provisionedCount: data.provisioned_count,
        expectedCount: data.expected_count,
        courseCode: data.course_code,
        userId: data.user_id,
        correlationId: data.correlation_id,
        essays: data.essays_for_processing.map((essay) => ({
          essayId: essay.essay_id,
          textStorageId: essay.text_storage_id,
        })),
      });
    }
  }

  private parse<Schema extends z.ZodType>(schema: Schema, record: RawRecord): z.infer<Schema> | null {
    const parsed = schema.safeParse(parseJson(record.value));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      this.malformed.push(`${placeOf(record)}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
      return null;
    }
    return parsed.data;
  }
}

function outputRecord(record: RawRecord, eventId: string, batchId: string): OutputRecord {
  const hash = createHash('sha256');
  hash.update(record.key ?? '').update('\n');
  hash.update(record.value ?? '').update('\n');
  hash.update(JSON.stringify(Object.entries(record.headers).sort()));
  return {
    at: placeOf(record),
    timestampMs: record.timestampMs,
    key: record.key?.toString('utf8') ?? '',
    eventId,
    digest: hash.digest('base64'),
    batchId,
  };
}

function readDeadLetter(record: RawRecord): DeadLetterOutput {
  const { headers } = record;
  const original = parseJson(record.value) as { data?: { entity_id?: unknown } } | null | undefined;
  const batchId = original?.data?.entity_id;
  return {
    at: placeOf(record),
    reason: headers['dlq-reason'] ?? 'none given',
    origin: `${headers['dlq-topic'] ?? '?'}/${headers['dlq-partition'] ?? '?'}@${headers['dlq-offset'] ?? '?'}`,
    batchId: typeof batchId === 'string' ? batchId : null,
  };
}

function parseJson(value: Buffer | null): unknown {
  try {
    return value === null ? null : JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}

function placeOf(record: RawRecord): string {
  return `${record.topic}/${record.partition}@${record.offset}`;
}
