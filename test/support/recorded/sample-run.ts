/**
 * A plausible run directory, made from a seed without any server: what three workers leave behind after a load with two
 * faults. Options make it long, bad, or hostile to whoever shows it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../../distributed/run/environment.ts';
import { JsonLinesWriter } from '../../../distributed/run/json-lines.ts';
import { LatencyRecorder } from '../../../distributed/run/latency-log.ts';
import type {
  HistoryRecord,
  MetricSample,
  OffsetSample,
  TableRow,
  TopicRecord,
} from '../../../distributed/run/records.ts';
import { RunDirectory, runIdOf } from '../../../distributed/run/run-directory.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { type SampleJudgement, sampleResults } from './sample-results.ts';

export interface SampleOptions extends Partial<Omit<SampleJudgement, 'inputs' | 'durationMs'>> {
  readonly seed?: number;
  readonly slots?: number;
  /** Samples of each metric and process. */
  readonly samples?: number;
}

export const STARTED_AT_MS = Date.parse('2026-08-01T10:15:00.000Z');
const DURATION_MS = 60_000;
const SLOT_SPACING_MS = 40;
const WORKERS = ['worker-1', 'worker-2', 'worker-3'];

const folders: string[] = [];

/** A folder that `removeSampleFolders` removes. */
export function sampleFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'els-sample-run-'));
  folders.push(folder);
  return folder;
}

/** For `afterAll` of every file that makes sample runs. */
export function removeSampleFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function sampleRun(options: SampleOptions = {}, parent?: string): Promise<RunDirectory> {
  const run = await RunDirectory.create(parent ?? sampleFolder(), sampleEnvironment(options));
  const sample = new SampleRun(run, options);
  await sample.write();
  return run;
}

export function sampleEnvironment({ seed = 42 }: SampleOptions = {}): Environment {
  const server = (version: string) => ({ version, real: true });
  return {
    schemaVersion: 1,
    runId: runIdOf(new Date(STARTED_AT_MS), 'race_conditions', seed),
    scenario: 'race_conditions',
    tier: 'quick',
    seed,
    options: { routing: 'adversarial', batches: 200, ratePerSecond: 1_500 },
    instances: WORKERS.length,
    stack: 'local',
    servers: { postgres: server('18.4'), redis: server('7.0.15'), kafka: server('4.3.0') },
    commit: '0123abcd',
    node: 'v20.20.0',
    platform: 'linux x64',
    cores: 2,
    memoryBytes: 24 * 1_024 ** 3,
    startedAt: new Date(STARTED_AT_MS).toISOString(),
    replay: `pnpm test:distributed --scenario race_conditions --instances 3 --seed ${seed}`,
  };
}

class SampleRun {
  private readonly run: RunDirectory;
  private readonly options: Required<SampleOptions>;
  private readonly random: () => number;
  private readonly dueToSlot = new LatencyRecorder();
  private readonly dueToCompletion = new LatencyRecorder();
  private inputs = 0;
  private offset = 0;

  constructor(run: RunDirectory, options: SampleOptions) {
    const defaults = {
      seed: 42,
      batches: 40,
      slots: 8,
      samples: 120,
      broken: [],
      slowness: 1,
      racesSeen: 311,
      isSaturated: false,
    };
    this.run = run;
    this.options = { ...defaults, fileName: 'essay one.docx', ...options };
    this.random = generatorOf(this.options.seed);
  }

  async write(): Promise<void> {
    await this.writeBatches();
    await this.run.metricWriter().appendAll(this.metrics());
    await this.run.offsetWriter().appendAll(this.offsets());
    await this.run.phaseWriter().appendAll(
      (['warm-up', 'load', 'faults off', 'quiescence', 'check', 'end'] as const).map((name, at) => ({
        name,
        ...clocks([0, 5_000, 45_000, 50_000, 57_000, DURATION_MS][at] ?? DURATION_MS),
      })),
    );
    await this.run.faultWriter().appendAll([
      { fault: 'kill -9', target: 'worker-2', phase: 'start', ...clocks(15_000), evidence: { pid: 4_711 } },
      { fault: 'kill -9', target: 'worker-2', phase: 'stop', ...clocks(19_500) },
      { fault: 'redis flush', target: 'redis', phase: 'start', ...clocks(31_000) },
      { fault: 'redis flush', target: 'redis', phase: 'stop', ...clocks(31_050) },
    ]);
    for (const worker of WORKERS) this.writeLog(worker);
    await this.run.writeLatencies('due-time-to-slot', this.dueToSlot.toIntervals());
    await this.run.writeLatencies('last-content-to-completion', this.dueToCompletion.toIntervals());
    const judgement = { ...this.options, inputs: this.inputs, durationMs: DURATION_MS };
    await this.run.writeResults(sampleResults(this.run.environment, judgement));
  }

  private async writeBatches(): Promise<void> {
    const { batches, slots, slowness, fileName } = this.options;
    const history: HistoryRecord[] = [];
    const out: TopicRecord[] = [];
    const rows = { batches: [] as TableRow[], slots: [] as TableRow[] };
    for (let index = 0; index < batches; index++) {
      const batchId = `batch-${index}`;
      const startMs = 5_000 + (index / batches) * 38_000;
      const step = (type: 'invoke' | 'ok', f: string, atMs: number, value?: object) => {
        history.push({
          index: history.length,
          ...clocks(atMs),
          process: 'client-1',
          type,
          f,
          key: batchId,
          ...(value ? { value } : {}),
        });
      };
      step('invoke', 'registration', startMs, { dueWallMs: STARTED_AT_MS + startMs });
      step('ok', 'registration', startMs + 3);
      let doneMs = startMs + 10;
      for (let position = 0; position < slots; position++) {
        const dueMs = startMs + 20 + position * SLOT_SPACING_MS;
        const textStorageId = `text-${index}-${position}`;
        step('invoke', 'content', dueMs + 1, {
          dueWallMs: STARTED_AT_MS + dueMs,
          textStorageId,
          originalFileName: fileName,
        });
        step('ok', 'content', dueMs + 4);
        const latencyMs = slowness * (6 + this.random() ** 6 * 90 * (dueMs > 15_000 && dueMs < 19_500 ? 20 : 1));
        const assignedMs = dueMs + latencyMs;
        doneMs = Math.max(doneMs, assignedMs);
        this.dueToSlot.record(latencyMs, STARTED_AT_MS + dueMs);
        const essayId = `essay-${index}-${position}`;
        const assigned = { assigned_at: isoOf(assignedMs), assigned_by: WORKERS[position % WORKERS.length] };
        rows.slots.push({
          essay_id: essayId,
          batch_id: batchId,
          position,
          status: 'filled',
          text_storage_id: textStorageId,
          ...assigned,
        });
        out.push(this.topicRecord('slotAssigned', essayId, assignedMs + 4));
      }
      this.inputs += slots + 1;
      const counts = { expected_count: slots, open_slots: 0, filled_count: slots };
      rows.batches.push({
        id: batchId,
        state: 'complete',
        ...counts,
        registered_at: isoOf(startMs + 8),
        completed_at: isoOf(doneMs),
      });
      out.push(this.topicRecord('completed', batchId, doneMs + 5));
      const lastDueMs = startMs + 20 + (slots - 1) * SLOT_SPACING_MS;
      this.dueToCompletion.record(doneMs + 5 - lastDueMs, STARTED_AT_MS + doneMs);
    }
    await this.run.historyWriter().appendAll(history);
    await this.run.topicWriter('out').appendAll(out);
    await this.run.tableWriter('batches').appendAll(rows.batches);
    await this.run.tableWriter('slots').appendAll(rows.slots);
  }

  private topicRecord(event: 'slotAssigned' | 'completed', key: string, atMs: number): TopicRecord {
    const value = JSON.stringify({ event_type: EVENT_TYPES[event] });
    const place = { topic: `sample.${EVENT_TYPES[event]}`, partition: 0, offset: this.offset++ };
    return { ...place, timestampMs: Math.round(STARTED_AT_MS + atMs), key, value, headers: {} };
  }

  private *metrics(): Generator<MetricSample> {
    const { samples } = this.options;
    for (let at = 0; at < samples; at++) {
      const elapsedMs = (at / samples) * DURATION_MS;
      const isLoad = elapsedMs > 5_000 && elapsedMs < 45_000;
      const sample = (process: string, metric: string, value: number) => ({
        ...clocks(elapsedMs),
        process,
        metric,
        value,
      });
      for (const [index, worker] of WORKERS.entries()) {
        if (worker === 'worker-2' && elapsedMs > 15_000 && elapsedMs < 19_500) continue;
        yield sample(worker, 'cpu_fraction', isLoad ? 0.4 + index * 0.08 + this.random() * 0.2 : 0.03);
        yield sample(worker, 'rss_bytes', (110 + index * 12 + elapsedMs / 6_000 + this.random() * 4) * 1_024 ** 2);
      }
      yield sample('run', 'outbox_depth', isLoad ? Math.round(this.random() ** 3 * 60) : 0);
    }
  }

  private *offsets(): Generator<OffsetSample> {
    for (let second = 0; second < DURATION_MS / 1_000; second++) {
      const end = Math.min(40, Math.max(0, second - 5)) * 1_500;
      const behind =
        second > 15 && second < 20 ? 900 * (second - 15) : second > 5 && second < 45 ? this.random() * 60 : 0;
      for (const partition of [0, 1, 2]) {
        const place = { group: 'els', topic: `sample.${EVENT_TYPES.content}`, partition };
        yield { ...clocks(second * 1_000), ...place, committed: Math.max(0, Math.round(end - behind)), end };
      }
    }
  }

  private writeLog(worker: string): void {
    const log = new JsonLinesWriter<object>(this.run.logFile(worker));
    for (let index = 0; index < 6; index++) {
      const at = index * 3 + WORKERS.indexOf(worker);
      const ids = { batchId: `batch-${index}`, correlationId: `correlation-${index}` };
      log.append({ level: 'info', time: isoOf(5_000 + at), instance: worker, ...ids, msg: 'group committed' });
    }
    log.close();
  }
}

function clocks(elapsedMs: number) {
  return { monoMs: elapsedMs, wallMs: STARTED_AT_MS + elapsedMs };
}

function isoOf(elapsedMs: number): string {
  return new Date(STARTED_AT_MS + elapsedMs).toISOString();
}

/** Mulberry32: equal seeds make equal runs. */
function generatorOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
