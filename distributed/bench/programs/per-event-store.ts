/**
 * One transaction for each event, as a service without groups does it: look for a duplicate, take a free slot with FOR
 * UPDATE SKIP LOCKED, count on the batch's row, fill, and write the events to the outbox. On the product's tables and
 * with the product's builders of events, so that what comes out is the same.
 */
import pg from 'pg';
import type { WireMessage } from '../../../src/contract/message.ts';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../../src/contract/outbound.ts';
import { type Topics, topicsFor } from '../../../src/contract/topics.ts';

const FIND_TEXT = 'select 1 from slots where batch_id = $1 and text_storage_id = $2';
const TAKE_SLOT = `
select essay_id from slots
where batch_id = $1 and status = 'open'
order by file_upload_id, position
limit 1
for update skip locked`;
const LOCK_BATCH = 'select state from batches where id = $1 for update';
const COUNT_SLOT = `
update batches
set open_slots = open_slots - 1, filled_count = filled_count + 1, version = version + 1,
    state = case when open_slots = 1 then 'complete' else state end,
    completed_at = case when open_slots = 1 then now() end
where id = $1
returning state, version, expected_count, course_code, user_id, correlation_id`;
const FILL_SLOT = `
update slots
set status = 'filled', text_storage_id = $2, file_upload_id = $3, original_file_name = $4, assigned_at = now(),
    assigned_by = $5, batch_version = $6
where essay_id = $1`;
const ADD_EXCESS = `
insert into excess_contents (batch_id, text_storage_id, file_upload_id, original_file_name, correlation_id)
values ($1, $2, $3, $4, $5) on conflict do nothing`;
const LIST_ESSAYS = `
select essay_id as "essayId", text_storage_id as "textStorageId" from slots
where batch_id = $1 and status = 'filled' order by position`;
const ADD_OUTBOX = 'insert into outbox (publisher, messages, message_count, due_at) values ($1, $2, $3, now())';

const PUBLISHER = 'peer';

/** What it needs of a content; the rest of the event is not looked at. */
export interface Content {
  readonly batchId: string;
  readonly textStorageId: string;
  readonly fileUploadId: string;
  readonly originalFileName: string;
  readonly correlationId: string;
  readonly eventId: string;
}

interface BatchRow {
  readonly state: string;
  readonly version: string;
  readonly expected_count: number;
  readonly course_code: string;
  readonly user_id: string;
  readonly correlation_id: string;
}

export function contentOf(value: Buffer | null): Content {
  const event = JSON.parse(value?.toString() ?? '');
  return {
    batchId: event.data.entity_id,
    textStorageId: event.data.text_storage_id,
    fileUploadId: event.data.file_upload_id,
    originalFileName: event.data.original_file_name,
    correlationId: event.correlation_id,
    eventId: event.event_id,
  };
}

export class PerEventStore {
  readonly pool: pg.Pool;
  private readonly topics: Topics;
  private readonly onCommit: () => void;

  constructor(options: { databaseUrl: string; topicPrefix: string; poolMax: number; onCommit: () => void }) {
    this.pool = new pg.Pool({ connectionString: options.databaseUrl, max: options.poolMax });
    this.topics = topicsFor(options.topicPrefix);
    this.onCommit = options.onCommit;
  }

  async assign(content: Content): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      await this.assignWithin(client, content);
      await client.query('commit');
      client.release();
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.onCommit();
  }

  private async assignWithin(client: pg.PoolClient, content: Content): Promise<void> {
    const { batchId, textStorageId } = content;
    const run = <Row extends pg.QueryResultRow>(name: string, text: string, values: unknown[]) =>
      client.query<Row>({ name, text, values });
    const known = await run('find-text', FIND_TEXT, [batchId, textStorageId]);
    if (known.rows.length > 0) return;
    const free = () => run<{ essay_id: string }>('take-slot', TAKE_SLOT, [batchId]);
    let slot = (await free()).rows[0];
    if (slot === undefined) {
      // All may be locked by others who roll back: only the batch's row tells.
      await run('lock-batch', LOCK_BATCH, [batchId]);
      slot = (await free()).rows[0];
    }
    if (slot === undefined) return this.recordExcess(client, content);
    const counted = await run<BatchRow>('count-slot', COUNT_SLOT, [batchId]);
    const batch = counted.rows[0];
    if (batch === undefined) throw new Error(`batch ${batchId} is not registered`);
    const { fileUploadId, originalFileName } = content;
    const filling = [slot.essay_id, textStorageId, fileUploadId, originalFileName, PUBLISHER, batch.version];
    await run('fill-slot', FILL_SLOT, filling);
    const about = { topics: this.topics, traceparent: null, occurredAtMs: Date.now() };
    await this.addOutbox(client, slotAssignedMessage({ ...content, ...about, essayId: slot.essay_id }));
    if (batch.state !== 'complete') return;
    const essays = await run<{ essayId: string; textStorageId: string }>('list-essays', LIST_ESSAYS, [batchId]);
    await this.addOutbox(
      client,
      completedMessage({
        ...about,
        batchId,
        correlationId: batch.correlation_id,
        expectedCount: batch.expected_count,
        courseCode: batch.course_code,
        userId: batch.user_id,
        essays: essays.rows,
      }),
    );
  }

  private async recordExcess(client: pg.PoolClient, content: Content): Promise<void> {
    const { batchId, textStorageId, fileUploadId, originalFileName, correlationId } = content;
    const values = [batchId, textStorageId, fileUploadId, originalFileName, correlationId];
    const { rowCount } = await client.query({ name: 'add-excess', text: ADD_EXCESS, values });
    if (rowCount === 0) return;
    const about = { topics: this.topics, traceparent: null, occurredAtMs: Date.now() };
    await this.addOutbox(client, excessMessage({ ...content, ...about }));
  }

  private async addOutbox(client: pg.PoolClient, message: WireMessage): Promise<void> {
    const values = [PUBLISHER, JSON.stringify([message]), 1];
    await client.query({ name: 'add-outbox', text: ADD_OUTBOX, values });
  }
}
