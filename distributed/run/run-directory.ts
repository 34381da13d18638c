/**
 * A run directory, `<parent>/<time>-<scenario>-<seed>/`: everything about one run, judged and drawn again without any
 * service. `latest` in the parent links to the newest. Files that a run did not come to write are simply absent, and
 * read as empty; only `env.json` must be there.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { type ClientRecord, clientRecordSchema } from './client-record.ts';
import { type Environment, environmentSchema } from './environment.ts';
import { JsonLinesWriter, readJsonLines, readLines } from './json-lines.ts';
import { formatLatencyLog, type LatencyInterval, parseLatencyLog } from './latency-log.ts';
import {
  type FaultRecord,
  faultRecordSchema,
  type HistoryRecord,
  historyRecordSchema,
  type MetricSample,
  metricSampleSchema,
  type OffsetSample,
  offsetSampleSchema,
  type PhaseRecord,
  phaseRecordSchema,
  type TableRow,
  type TopicRecord,
  tableRowSchema,
  topicRecordSchema,
} from './records.ts';
import { type Results, resultsSchema } from './results.ts';
import { RunDirectoryError } from './run-directory-error.ts';
import { type WatchRecord, watchRecordSchema } from './watch-record.ts';

const FOLDERS = ['topics', 'tables', 'logs', 'latencies'];
const LATEST = 'latest';
const NAME_CHARS_MAX = 60;

export const TOPIC_FILES = ['in', 'out', 'dlq'] as const;

export type TopicFile = (typeof TOPIC_FILES)[number];

export const TABLE_FILES = [
  'batches',
  'slots',
  'pending_inputs',
  'excess_contents',
  'failures',
  'outbox',
  'audit',
] as const;

export type TableFile = (typeof TABLE_FILES)[number];

/** Of clients of gateways, one for each process that they were in; absent where there were none. */
const CLIENTS_FILE = /^clients(?:-\d+)?\.jsonl$/;

/** In the directory of a run of several parts. */
export const PARTS_FOLDER = 'parts';

/** `2026-08-01T10-15-00Z-race_conditions-42`. */
export function runIdOf(startedAt: Date, scenario: string, seed: number): string {
  const time = startedAt.toISOString().replace(/\.\d+Z$/, 'Z');
  const name = scenario.replace(/[^\w.-]+/g, '+').slice(0, NAME_CHARS_MAX);
  return `${time.replaceAll(':', '-')}-${name}-${seed}`;
}

export class RunDirectory {
  readonly path: string;
  readonly environment: Environment;

  private constructor(path: string, environment: Environment) {
    this.path = path;
    this.environment = environment;
  }

  /** Makes `<parent>/<runId>` and links `latest` to it. */
  static async create(parent: string, environment: Environment): Promise<RunDirectory> {
    const path = join(parent, environment.runId);
    if (existsSync(path)) throw new RunDirectoryError(`${path} exists already`);
    for (const folder of FOLDERS) await mkdir(join(path, folder), { recursive: true });
    await writeFile(join(path, 'env.json'), formatJson(environmentSchema.parse(environment)));
    const link = join(parent, `.${LATEST}-${environment.runId}`);
    await rm(link, { force: true });
    await symlink(environment.runId, link);
    // Renamed into place: `latest` always links to something.
    await rename(link, join(parent, LATEST));
    return new RunDirectory(path, environment);
  }

  static async open(path: string): Promise<RunDirectory> {
    const environment = await readJsonFile(join(path, 'env.json'), environmentSchema);
    if (environment === null) throw new RunDirectoryError(`${path} is not a run directory: it has no env.json`);
    return new RunDirectory(path, environment);
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  logFile(process: string): string {
    return this.file('logs', `${process}.jsonl`);
  }

  historyWriter = () => new JsonLinesWriter<HistoryRecord>(this.file('history.jsonl'));
  faultWriter = () => new JsonLinesWriter<FaultRecord>(this.file('faults.jsonl'));
  phaseWriter = () => new JsonLinesWriter<PhaseRecord>(this.file('phases.jsonl'));
  metricWriter = () => new JsonLinesWriter<MetricSample>(this.file('metrics.jsonl'));
  offsetWriter = () => new JsonLinesWriter<OffsetSample>(this.file('offsets.jsonl'));
  watchWriter = () => new JsonLinesWriter<WatchRecord>(this.file('watch.jsonl'));
  clientWriter = () => new JsonLinesWriter<ClientRecord>(this.clientsFile());
  topicWriter = (topic: TopicFile) => new JsonLinesWriter<TopicRecord>(this.file('topics', `${topic}.jsonl`));
  tableWriter = (table: TableFile) => new JsonLinesWriter<TableRow>(this.file('tables', `${table}.jsonl`));

  readHistory = () => readJsonLines(this.file('history.jsonl'), historyRecordSchema);
  readFaults = () => readJsonLines(this.file('faults.jsonl'), faultRecordSchema);
  readPhases = () => readJsonLines(this.file('phases.jsonl'), phaseRecordSchema);
  readMetrics = () => readJsonLines(this.file('metrics.jsonl'), metricSampleSchema);
  readOffsets = () => readJsonLines(this.file('offsets.jsonl'), offsetSampleSchema);
  readWatch = () => readJsonLines(this.file('watch.jsonl'), watchRecordSchema);
  readTopic = (topic: TopicFile) => readJsonLines(this.file('topics', `${topic}.jsonl`), topicRecordSchema);
  readTable = (table: TableFile) => readJsonLines(this.file('tables', `${table}.jsonl`), tableRowSchema);

  /** The harness's own, or that of a process of clients. */
  clientsFile(process?: number): string {
    return this.file(process === undefined ? 'clients.jsonl' : `clients-${process}.jsonl`);
  }

  async clientsFiles(): Promise<string[]> {
    const names = await readdir(this.path);
    return names.filter((name) => CLIENTS_FILE.test(name)).sort();
  }

  async *readClients(): AsyncGenerator<ClientRecord> {
    for (const name of await this.clientsFiles()) yield* readJsonLines(this.file(name), clientRecordSchema);
  }

  /** Names of the processes that left a log. */
  logProcesses(): Promise<string[]> {
    return namesIn(this.file('logs'), '.jsonl');
  }

  /** Raw lines: a process may print what is not JSON. */
  readLog(process: string): AsyncGenerator<string> {
    return readLines(this.logFile(process));
  }

  async writeLatencies(measure: string, intervals: readonly LatencyInterval[]): Promise<void> {
    await writeFile(this.file('latencies', `${measure}.hdr`), formatLatencyLog(intervals));
  }

  /** By measure, in order of name. */
  async readLatencies(): Promise<Map<string, LatencyInterval[]>> {
    const latencies = new Map<string, LatencyInterval[]>();
    for (const measure of await namesIn(this.file('latencies'), '.hdr')) {
      const text = await readFile(this.file('latencies', `${measure}.hdr`), 'utf8');
      latencies.set(measure, parseLatencyLog(text));
    }
    return latencies;
  }

  async writeResults(results: Results): Promise<void> {
    await writeFile(this.file('results.json'), formatJson(resultsSchema.parse(results)));
  }

  /** Null before the run was judged. */
  readResults(): Promise<Results | null> {
    return readJsonFile(this.file('results.json'), resultsSchema);
  }
}

async function namesIn(folder: string, suffix: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const files = (await readdir(folder)).filter((file) => file.endsWith(suffix));
  return files.map((file) => basename(file, suffix)).sort();
}

async function readJsonFile<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema> | null> {
  if (!existsSync(path)) return null;
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new RunDirectoryError(`${path} is not JSON`, { cause: error });
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RunDirectoryError(`${path}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`);
}

function formatJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
