import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import { expandEvents } from '../../../src/contract/compact-events.ts';
import { completedEvent, excessEvent, slotAssignedEvent } from '../../../src/contract/outbound-schemas.ts';
import { EVENT_TYPES, topicsFor } from '../../../src/contract/topics.ts';
import type { Content, Disposition, Failure, Input, Registration } from '../../../src/domain/inputs.ts';
import type { OutboundMessage } from '../../../src/domain/ports.ts';
import { PostgresBatchStore } from '../../../src/postgres/batch-store.ts';
import { type Database, type DatabaseOptions, HOT_PLAN_SETTINGS } from '../../../src/postgres/database.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { AssignInputs } from '../../../src/worker/settle/assign-inputs.ts';
import { ParkedBatches } from '../../../src/worker/settle/parked-batches.ts';
import { RegisterBatches } from '../../../src/worker/settle/register-batches.ts';
import type { SettleContext } from '../../../src/worker/settle/settle-inputs.ts';
import { openDatabase } from '../servers/open-database.ts';
import { silentLog } from '../worker/intake-bench.ts';
import type { BatchSnapshot, BatchSystem, PublishedEvent, Snapshot } from './batch-system.ts';

/** One worker's use cases on a pool of its own. */
export interface Instance {
  readonly database: Database;
  readonly store: PostgresBatchStore;
  readonly register: RegisterBatches;
  readonly assign: AssignInputs;
  readonly parked: ParkedBatches;
  readonly context: SettleContext;
  readonly metrics: Metrics;
}

export function openInstance(url: string, name: string, options: Partial<DatabaseOptions> = {}): Instance {
  const metrics = new Metrics();
  const database = openDatabase(url, options, metrics);
  const store = new PostgresBatchStore(database, { instance: name, outboxLeaseMs: 10_000, pendingPerBatchMax: 20_000 });
  const context = { topics: topicsFor(''), instance: name, clock: { nowMs: () => Date.now() } };
  const parked = new ParkedBatches({ log: silentLog, metrics });
  const deps = { store, context, metrics, parked, outbox: { offer: () => {} } };
  const [register, assign] = [new RegisterBatches(deps), new AssignInputs(deps)];
  return { database, store, context, metrics, parked, register, assign };
}

/** As the intake does it: what was busy comes again when its batch is due, until everything is settled. */
async function settled<T, Answer>(
  parked: ParkedBatches,
  asked: readonly T[],
  settle: (some: readonly T[]) => Promise<readonly Answer[]>,
  isBusy: (answer: Answer) => boolean,
): Promise<Answer[]> {
  const answers = [...(await settle(asked))];
  const endMs = performance.now() + SETTLED_MS_MAX;
  for (;;) {
    const busy = asked.map((each, index) => ({ each, index })).filter(({ index }) => isBusy(answers[index] as Answer));
    if (busy.length === 0) return answers;
    if (performance.now() > endMs) throw new Error(`${busy.length} inputs still busy after ${SETTLED_MS_MAX} ms`);
    await delay(Math.max(1, parked.nextDueMs() - performance.now()));
    parked.release(performance.now());
    const again = await settle(busy.map(({ each }) => each));
    for (const [position, { index }] of busy.entries()) answers[index] = again[position] as Answer;
  }
}

const SETTLED_MS_MAX = 20_000;

/**
 * The product's use cases on PostgreSQL, as several instances that share nothing but the database. Commits do not wait
 * for the disk here: what is tested is what transactions see of each other, not what survives a crash.
 */
export class PostgresBatchSystem implements BatchSystem {
  readonly instances: readonly Instance[];
  private readonly pool: Pool;

  constructor(databaseUrl: string, instanceCount: number) {
    const sessionSettings = { ...HOT_PLAN_SETTINGS, synchronous_commit: 'off' };
    this.instances = Array.from({ length: instanceCount }, (_, index) =>
      openInstance(databaseUrl, `instance-${index}`, { sessionSettings }),
    );
    this.pool = new Pool({ connectionString: databaseUrl, max: 2 });
  }

  async apply(inputs: readonly Input[], instance = 0): Promise<Disposition[]> {
    const worker = this.instances[instance];
    if (worker === undefined) throw new RangeError(`no instance ${instance}`);
    const dispositions = new Array<Disposition>(inputs.length);
    const indexed = inputs.map((input, index) => ({ input, index }));
    const registrations = indexed.filter((each): each is Indexed<Registration> => each.input.kind === 'registration');
    const outcomes = await settled(
      worker.parked,
      registrations.map(({ input }) => input),
      (some) => worker.register.register(some),
      (outcome) => outcome.kind === 'busy',
    );
    registrations.forEach(({ index }, position) => {
      const kind = outcomes[position]?.kind ?? 'conflicting';
      dispositions[index] = kind === 'registered' ? kind : kind === 'repeated' ? 'duplicate' : 'rejected';
    });
    const others = indexed.filter((each): each is Indexed<Content | Failure> => each.input.kind !== 'registration');
    const answers = await settled(
      worker.parked,
      others.map(({ input }) => input),
      (some) => worker.assign.assign(some),
      (answer) => answer === 'busy',
    );
    others.forEach(({ index }, position) => {
      const answer = answers[position] ?? 'ignored';
      dispositions[index] = answer === 'busy' ? 'ignored' : answer === 'full' ? 'rejected' : answer;
    });
    return dispositions;
  }

  async snapshot(): Promise<Snapshot> {
    const batches = await this.pool.query<BatchSnapshot>(SNAPSHOT);
    const outbox = await this.pool.query<{ messages: string }>('select messages from outbox order by id');
    const messages = outbox.rows.flatMap((row) => expandEvents(row.messages));
    return { batches: batches.rows, events: messages.map(publishedEvent) };
  }

  async reset(): Promise<void> {
    await this.pool.query(
      'delete from upkeep_turns; delete from batches; delete from slots; delete from pending_inputs; delete from excess_contents; delete from failures; delete from outbox',
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.end(), ...this.instances.map(({ database }) => database.close())]);
  }
}

interface Indexed<T> {
  readonly input: T;
  readonly index: number;
}

/** Takes an event apart by its published schema, so that a wrong or missing field is an error here. */
export function publishedEvent(message: OutboundMessage): PublishedEvent {
  const body: unknown = JSON.parse(message.value);
  switch (message.topic) {
    case EVENT_TYPES.slotAssigned: {
      const { data } = slotAssignedEvent.parse(body);
      return {
        kind: 'slot-assigned',
        batchId: data.batch_id,
        correlationId: data.correlation_id,
        essayId: data.essay_id,
        textStorageId: data.text_storage_id,
        fileUploadId: data.file_upload_id,
        originalFileName: data.original_file_name,
      };
    }
    case EVENT_TYPES.excess: {
      const { data } = excessEvent.parse(body);
      return {
        kind: 'excess',
        batchId: data.batch_id,
        correlationId: data.correlation_id,
        textStorageId: data.text_storage_id,
        originalFileName: data.original_file_name,
      };
    }
    default: {
      const { data } = completedEvent.parse(body);
      return {
        kind: 'completed',
        batchId: data.batch_id,
        correlationId: data.correlation_id,
        provisionedCount: data.provisioned_count,
        expectedCount: data.expected_count,
        courseCode: data.course_code,
        userId: data.user_id,
        essays: data.essays_for_processing.map((essay) => ({
          essayId: essay.essay_id,
          textStorageId: essay.text_storage_id,
        })),
      };
    }
  }
}

const SNAPSHOT = `
select b.id as "batchId", b.state, b.expected_count as "expectedCount", b.open_slots as "openCount",
  b.filled_count as "filledCount", b.failed_count as "failedCount", b.version::int as version,
  coalesce((select json_agg(json_build_object('essayId', s.essay_id, 'status', s.status,
    'textStorageId', s.text_storage_id, 'fileUploadId', s.file_upload_id,
    'originalFileName', s.original_file_name, 'version', s.batch_version) order by s.position)
    from slots s where s.batch_id = b.id), '[]') as slots,
  coalesce((select json_agg(json_build_object('kind', p.kind, 'identity', p.identity) order by p.arrival)
    from pending_inputs p where p.batch_id = b.id), '[]') as pending,
  coalesce((select json_agg(e.text_storage_id order by e.text_storage_id collate "C")
    from excess_contents e where e.batch_id = b.id), '[]') as excess,
  coalesce((select json_agg(json_build_object('fileUploadId', f.file_upload_id, 'essayId', f.essay_id)
    order by f.file_upload_id collate "C") from failures f where f.batch_id = b.id), '[]') as failures
from batches b
order by b.id collate "C"`;
