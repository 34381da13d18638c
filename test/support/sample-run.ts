/**
 * A plausible run directory, made from a seed without any server: what two workers leave behind after a load with one
 * fault. Options make it long, bad, or hostile to whoever shows it.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../distributed/run/environment.ts';
import { JsonLinesWriter } from '../../distributed/run/json-lines.ts';
import { LatencyRecorder } from '../../distributed/run/latency-log.ts';
import type {
  HistoryRecord,
  MetricSample,
  OffsetSample,
  TableRow,
  TopicRecord,
} from '../../distributed/run/records.ts';
import type { Check, Problem, Results } from '../../distributed/run/results.ts';
import { RunDirectory, runIdOf } from '../../distributed/run/run-directory.ts';
import { exitCodeOf, mergeVerdict } from '../../distributed/run/verdict.ts';
import { EVENT_TYPES } from '../../src/contract/topics.ts';

export interface SampleOptions {
  readonly seed?: number;
  readonly batches?: number;
  readonly slots?: number;
  /** Samples of each metric and process. */
  readonly samples?: number;
  /** Invariants that do not hold. */
  readonly broken?: readonly string[];
  /** Multiplies every latency and divides the throughput. */
  readonly slowness?: number;
  /** Races seen; below 20 the run proves nothing. */
  readonly racesSeen?: number;
  readonly fileName?: string;
}

export const STARTED_AT_MS = Date.parse('2026-08-01T10:15:00.000Z');
const DURATION_MS = 60_000;
const SLOT_SPACING_MS = 40;
const WORKERS = ['worker-1', 'worker-2', 'worker-3'];

export async function sampleRun(options: SampleOptions = {}, parent?: string): Promise<RunDirectory> {
  const folder = parent ?? (await mkdtemp(join(tmpdir(), 'els-sample-run-')));
  const run = await RunDirectory.create(folder, sampleEnvironment(options));
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
    const defaults = { seed: 42, batches: 40, slots: 8, samples: 120, broken: [], slowness: 1, racesSeen: 311 };
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
    await this.run.writeResults(this.results());
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

  private results(): Results {
    const { broken, slowness, racesSeen, batches } = this.options;
    const checks = INVARIANTS.map(([id, title, judged]): Check => {
      const problems = broken.includes(id) ? [this.problem()] : [];
      return { id, title, verdict: problems.length === 0, judged, problemCount: problems.length, problems };
    });
    const races = [
      { name: 'claims on one batch by two or more instances at once', seen: racesSeen, needed: 20, unit: 'overlaps' },
      { name: 'SKIP LOCKED skips', seen: 87, needed: 1, unit: 'skips' },
      { name: 'unique conflicts', seen: 12, needed: 1, unit: 'conflicts' },
    ];
    const completionMs = 24 * slowness;
    const gates: Results['gates'] = [
      {
        name: 'last content to completion, P99',
        measured: completionMs,
        target: 50,
        comparison: '<',
        unit: 'ms',
        passed: completionMs < 50,
        source: 'design 11',
      },
      {
        name: 'capacity of 3 instances over 1',
        measured: null,
        target: 2.8,
        comparison: '>=',
        unit: 'x',
        passed: 'unknown',
        source: 'design 11',
        note: 'not measurable: the host is saturated',
      },
    ];
    const numbers: Results['numbers'] = {
      inputs: { value: this.inputs, unit: 'records' },
      inputsPerSecond: {
        value: 1_480 / slowness,
        unit: '/s',
        better: 'higher',
        samples: [1_470, 1_480, 1_495].map((rate) => rate / slowness),
      },
      completions: { value: batches, unit: 'batches' },
      deadlocks: { value: 0, better: 'lower' },
    };
    const verdict = mergeVerdict(checks, races);
    const { runId, scenario, seed, startedAt } = this.run.environment;
    const judged = { verdict, durationMs: DURATION_MS, checks, races, gates, numbers };
    const measurable = gates.filter((gate) => gate.measured !== null);
    return {
      schemaVersion: 1,
      runId,
      scenario,
      seed,
      exitCode: exitCodeOf({ verdict, gates: measurable }),
      startedAt,
      ...judged,
    };
  }

  private problem(): Problem {
    const event = (atMs: number, process: string, text: string) => ({ wallMs: STARTED_AT_MS + atMs, process, text });
    return {
      message: `content text-3-1 (${this.options.fileName}) took two slots of batch-3: essay-3-1 and essay-3-4`,
      batchId: 'batch-3',
      records: ['slots essay-3-1', 'slots essay-3-4', 'audit 118', 'audit 131'],
      timeline: [
        event(8_020, 'client-1', 'content text-3-1 due'),
        event(8_026, 'worker-1', 'essay-3-1 open -> filled by transaction 7711'),
        event(8_027.5, 'worker-3', 'essay-3-4 open -> filled by transaction 7713'),
      ],
    };
  }
}

const INVARIANTS: readonly [string, string, number][] = [
  ['I1', 'No content takes two slots, finally or in any prefix of the audit', 18_204],
  ['I2', 'A slot is taken at most once and never freed', 18_204],
  ['I3', 'Every valid input has exactly one disposition', 27_911],
  ['I4', 'Every full batch completes with exactly one event id', 200],
  ['I5', 'No completion before the batch is full', 200],
  ['I6', 'Every full batch has its completion in Kafka', 200],
  ['I7', 'A completion lists exactly the slots filled', 200],
  ['I8', 'Excess only when the batch is full', 4_120],
  ['I11', 'Offsets are committed only past disposed records', 27_911],
];

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
