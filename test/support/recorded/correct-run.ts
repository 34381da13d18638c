/**
 * A run directory as a correct service leaves it, made by handling a planned load one input after the other. Everything
 * is mutable until it is written, so that a test can plant a fault; what is said to have been collected is counted when
 * it is written, or before the fault where the fault is that evidence is missing.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COLLECTED_FILE, type Collected, writeCollected } from '../../../distributed/collect/collected.ts';
import { REDIS_FILE, type RedisKey } from '../../../distributed/collect/redis-keys.ts';
import { DEFAULT_LOAD, type LoadOptions } from '../../../distributed/generator/load-options.ts';
import { planLoad } from '../../../distributed/generator/plan.ts';
import { messageOf } from '../../../distributed/generator/producer.ts';
import { inputLimitsOf, inputReaderOf, type JudgedInput } from '../../../distributed/judge/evidence/input-records.ts';
import type { Environment } from '../../../distributed/run/environment.ts';
import { JsonLinesWriter } from '../../../distributed/run/json-lines.ts';
import type {
  FaultRecord,
  HistoryRecord,
  OffsetSample,
  PhaseRecord,
  TopicRecord,
} from '../../../distributed/run/records.ts';
import { RunDirectory, TABLE_FILES, type TableFile } from '../../../distributed/run/run-directory.ts';
import { deadLetterTopic, topicsFor } from '../../../src/contract/topics.ts';
import { CorrectService, type Row } from './correct-service.ts';

const readInput = inputReaderOf(inputLimitsOf({}));
const PARTITIONS = 3;
const STARTED_AT_MS = Date.UTC(2026, 0, 5, 8, 0);
const LOAD: Partial<LoadOptions> = {
  batches: 6,
  slots: 5,
  seed: 7,
  failurePercent: 20,
  excessPercent: 60,
  conflictPercent: 50,
  duplicatePercent: 60,
  earlyPercent: 20,
  incompletePercent: 50,
};

type Topic = 'in' | 'out' | 'dlq';

export class CorrectRun {
  readonly topics: Record<Topic, TopicRecord[]> = { in: [], out: [], dlq: [] };
  readonly tables: Record<TableFile, Row[]>;
  readonly history: HistoryRecord[] = [];
  readonly faults: FaultRecord[] = [];
  readonly offsets: OffsetSample[] = [];
  readonly redis: RedisKey[] = [];
  readonly activity: Row[] = [];
  readonly committed = new Map<string, number | null>();
  readonly options: Record<string, unknown> = {};
  isAudited = true;
  phases: PhaseRecord[];
  /** The tables as they were before a replay; written when there are any. */
  before: Record<string, Row[]> | null = null;
  /** Set to what the files should hold, for a test that takes something away afterwards. */
  collected: Collected | null = null;
  readonly manifest;
  private readonly nextOffset = new Map<string, number>();

  constructor(options: Partial<LoadOptions> = {}) {
    const load = planLoad({ ...DEFAULT_LOAD, ...LOAD, ...options });
    this.manifest = load.manifest;
    const service = new CorrectService((topic, message) => this.append('out', { ...message, topic }));
    this.tables = service.tables;
    const topics = topicsFor('');
    for (const planned of load.inputs()) {
      const { topic, key, value, headers } = messageOf(planned, topics);
      const identity =
        'textStorageId' in planned ? planned.textStorageId : 'fileUploadId' in planned ? planned.fileUploadId : '';
      const field = planned.kind === 'content' ? 'textStorageId' : 'fileUploadId';
      const sent = { dueWallMs: 0, ...(identity === '' ? {} : { [field]: identity }) };
      this.note('invoke', planned.kind, planned.batchId, sent);
      const record = this.append('in', { topic, key, value, headers });
      this.note('ok', planned.kind, planned.batchId, sent);
      const input = readInput(record);
      if (input.kind === 'invalid' || input.kind === 'ignored')
        throw new Error(`the load is ${input.kind}: ${input.why}`);
      if (!service.handle(input as JudgedInput, record)) this.setAside(record, 'conflicting_registration');
    }
    this.setAside(
      this.append('in', { topic: topics.content, key: 'k', value: '{"event_type":', headers: {} }),
      'malformed_json',
    );
    this.append('in', { topic: topics.content, key: 'k', value: null, headers: {} });
    this.phases = ['load', 'quiescence', 'check', 'end'].map((name, index) => ({
      monoMs: index * 1_000,
      wallMs: STARTED_AT_MS + index * 1_000,
      name: name as PhaseRecord['name'],
    }));
    this.activity.push({
      pid: 1,
      application_name: 'assign',
      state: 'idle',
      query: 'commit',
      transaction_ms: null,
      waits_for_lock: false,
    });
  }

  append(file: Topic, message: Pick<TopicRecord, 'topic' | 'key' | 'value' | 'headers'>): TopicRecord {
    const count = this.topics.in.length + this.topics.out.length;
    const partition = count % PARTITIONS;
    const name = `${message.topic}/${partition}`;
    const offset = this.nextOffset.get(name) ?? 0;
    this.nextOffset.set(name, offset + 1);
    const record = { ...message, partition, offset, timestampMs: STARTED_AT_MS + count };
    this.topics[file].push(record);
    return record;
  }

  /** A physical copy of a record at the end of its topic. */
  copy(file: Topic, record: TopicRecord): TopicRecord {
    const { topic, key, value, headers } = record;
    return this.append(file, { topic, key, value, headers: { ...headers } });
  }

  setAside(record: TopicRecord, reason: string): void {
    const { topic, partition, offset, key, value, headers } = record;
    const place = { 'dlq-topic': topic, 'dlq-partition': String(partition), 'dlq-offset': String(offset) };
    this.append('dlq', {
      topic: deadLetterTopic(topic),
      key,
      value,
      headers: { ...headers, ...place, 'dlq-reason': reason },
    });
  }

  /** First of the records or rows, which the sample must have. */
  first<T>(items: readonly T[]): T {
    const [item] = items;
    if (item === undefined) throw new Error('the sample lacks what the test is about');
    return item;
  }

  /** From here on what is taken away counts as missing evidence. */
  freeze(): void {
    this.collected = this.count();
  }

  async write(): Promise<RunDirectory> {
    const parent = await mkdtemp(join(tmpdir(), 'els-sample-run-'));
    const directory = await RunDirectory.create(parent, { ...CORRECT_ENVIRONMENT, options: this.options });
    const write = (items: readonly unknown[], ...names: string[]) => writeAll(directory.file(...names), items);
    for (const file of ['in', 'out', 'dlq'] as const) await write(this.topics[file], 'topics', `${file}.jsonl`);
    for (const table of TABLE_FILES) await write(this.tables[table], 'tables', `${table}.jsonl`);
    for (const [name, items] of Object.entries({ history: this.history, phases: this.phases, offsets: this.offsets })) {
      await write(items, `${name}.jsonl`);
    }
    if (this.faults.length > 0) await write(this.faults, 'faults.jsonl');
    if (this.redis.length > 0) await write(this.redis, REDIS_FILE);
    await write(this.activity, 'activity.jsonl');
    await writeAll(directory.file('manifest.json'), [this.manifest]);
    await writeCollected(directory.file(COLLECTED_FILE), this.collected ?? this.count());
    if (this.before !== null) await this.writeBefore(directory, this.before);
    return directory;
  }

  private async writeBefore(directory: RunDirectory, before: Record<string, Row[]>): Promise<void> {
    await mkdir(directory.file('before-replay', 'tables'), { recursive: true });
    for (const [table, rows] of Object.entries(before)) {
      await writeAll(directory.file('before-replay', 'tables', `${table}.jsonl`), rows);
    }
  }

  private note(type: HistoryRecord['type'], f: string, key: string, value: unknown): void {
    const index = this.history.length;
    this.history.push({ index, monoMs: index, wallMs: STARTED_AT_MS + index, process: 'client', type, f, key, value });
  }

  private count(): Collected {
    const lines: Record<string, number> = {};
    const partitions: Collected['partitions'] = [];
    for (const file of ['in', 'out', 'dlq'] as const) {
      lines[`topics/${file}.jsonl`] = this.topics[file].length;
      const ends = new Map<string, TopicRecord>();
      for (const record of this.topics[file]) ends.set(`${record.topic}/${record.partition}`, record);
      for (const [name, { topic, partition, offset }] of ends) {
        const end = offset + 1;
        const committed = this.committed.has(name) ? (this.committed.get(name) ?? null) : end;
        partitions.push({ file, topic, partition, low: 0, end, ...(file === 'in' ? { committed } : {}) });
      }
    }
    for (const table of TABLE_FILES) lines[`tables/${table}.jsonl`] = this.tables[table].length;
    return { lines, partitions, audited: this.isAudited };
  }
}

async function writeAll(path: string, items: readonly unknown[]): Promise<void> {
  const writer = new JsonLinesWriter<unknown>(path);
  await writer.appendAll(items);
  writer.close();
}

const server = { version: '1', real: true };

export const CORRECT_ENVIRONMENT: Environment = {
  schemaVersion: 1,
  runId: 'sample',
  scenario: 'sample',
  tier: 'quick',
  seed: 7,
  options: {},
  instances: 3,
  stack: 'local',
  servers: { postgres: server, redis: server, kafka: server },
  commit: null,
  node: process.version,
  platform: 'test',
  cores: 1,
  memoryBytes: 1,
  startedAt: '2026-01-05T08:00:00.000Z',
  replay: 'pnpm test:distributed',
};
