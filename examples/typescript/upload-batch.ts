/**
 * A producer of the three inputs: registers a batch with its slots, then announces a stored text for each, as the batch
 * service and the file service do. Copy it and put your own ids in. What it sends is described in docs/asyncapi.yaml.
 *
 * - Every message has the batch id as its key, so that what is sent first about a batch is read first.
 * - An `event_id` belongs to one event for ever: who sends again after a failure sends the same bytes. (This program does
 *   not keep them: run again for the same batch it asks for other slots, which is refused.)
 * - One correlation id goes through all messages of an upload, and comes back in what they cause.
 * - Order is not needed: what comes before its registration waits for it, what comes twice counts once.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';

const TOPICS = {
  registration: 'huleedu.batch.essays.registered.v1',
  content: 'huleedu.file.essay.content.provisioned.v1',
  failure: 'huleedu.file.essay.validation.failed.v1',
} as const;

const HELP = `Registers a batch and announces its texts.

Usage: upload-batch [--batch ID] [--texts N] [--failed N]

  --batch ID   id of the batch; a new one if not given
  --texts N    stored texts to announce (default 3)
  --failed N   files to announce that did not validate (default 0)
  --help       this text

Environment: KAFKA_BROKERS (host:port, comma-separated), TOPIC_PREFIX (as the workers have it, default none).
`;

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: randomUUID() },
    texts: { type: 'string', default: '3' },
    failed: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(HELP);
} else {
  const [textCount, failedCount] = [wholeNumber('--texts', values.texts), wholeNumber('--failed', values.failed)];
  if (textCount + failedCount === 0) throw new Error('a batch has at least one slot: give --texts or --failed');
  await uploadBatch(values.batch, textCount, failedCount);
}

async function uploadBatch(batchId: string, textCount: number, failedCount: number): Promise<void> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (!brokers) throw new Error('KAFKA_BROKERS is not set');
  const prefix = process.env['TOPIC_PREFIX'] ?? '';
  const kafka = new Kafka({ clientId: 'upload-batch', brokers: brokers.split(','), logLevel: logLevel.ERROR });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const correlationId = randomUUID();
    const send = async (topic: string, sourceService: string, data: object): Promise<void> => {
      const value = JSON.stringify(envelope(topic, sourceService, correlationId, data));
      // acks -1: acknowledged by all replicas that are in sync, or rejected.
      await producer.send({ topic: `${prefix}${topic}`, acks: -1, messages: [{ key: batchId, value }] });
    };
    const essayIds = Array.from({ length: textCount + failedCount }, () => randomUUID());
    await send(TOPICS.registration, 'batch-service', registration(batchId, essayIds));
    for (let index = 0; index < textCount; index += 1)
      await send(TOPICS.content, 'file-service', content(batchId, index, correlationId));
    for (let index = 0; index < failedCount; index += 1)
      await send(TOPICS.failure, 'file-service', failure(batchId, index, correlationId));
    process.stdout.write(`sent batch ${batchId}: ${textCount} texts, ${failedCount} failed files\n`);
  } finally {
    await producer.disconnect();
  }
}

function envelope(eventType: string, sourceService: string, correlationId: string, data: object): object {
  return {
    event_id: randomUUID(),
    event_type: eventType,
    event_timestamp: new Date().toISOString(),
    source_service: sourceService,
    schema_version: 1,
    correlation_id: correlationId,
    data_schema_uri: null,
    data,
    metadata: null,
  };
}

/** The order of `essay_ids` is the order in which the slots are filled. */
function registration(batchId: string, essayIds: readonly string[]): object {
  return {
    event: 'batch.essays.registered',
    entity_id: batchId,
    expected_essay_count: essayIds.length,
    essay_ids: essayIds,
    metadata: { entity_id: batchId, entity_type: 'batch', parent_id: null, timestamp: new Date().toISOString() },
    course_code: 'ENG5',
    student_prompt_ref: null,
    user_id: 'example-teacher',
    org_id: null,
    class_id: null,
  };
}

/** `text_storage_id` is the identity of the text: the same one again is the same text. */
function content(batchId: string, index: number, correlationId: string): object {
  return {
    event: 'essay.content.provisioned',
    entity_id: batchId,
    file_upload_id: `upload-${batchId}-${index}`,
    original_file_name: `essay-${index + 1}.docx`,
    raw_file_storage_id: `raw-${batchId}-${index}`,
    text_storage_id: `text-${batchId}-${index}`,
    file_size_bytes: 2048,
    content_md5_hash: null,
    correlation_id: correlationId,
    timestamp: new Date().toISOString(),
  };
}

/** A file that did not validate uses up a slot, so that the batch can be complete without it. */
function failure(batchId: string, index: number, correlationId: string): object {
  return {
    event: 'essay.validation.failed',
    entity_id: batchId,
    file_upload_id: `failed-${batchId}-${index}`,
    original_file_name: `broken-${index + 1}.docx`,
    raw_file_storage_id: `raw-failed-${batchId}-${index}`,
    validation_error_code: 'EMPTY_CONTENT',
    validation_error_detail: {
      error_code: 'EMPTY_CONTENT',
      message: 'The file has no text.',
      correlation_id: correlationId,
      timestamp: new Date().toISOString(),
      service: 'file-service',
      operation: 'validate_file',
      details: {},
    },
    file_size_bytes: 0,
    correlation_id: correlationId,
    timestamp: new Date().toISOString(),
  };
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${flag} must be a whole number, not ${text}`);
  return value;
}
