/** From a run directory to the series of its plots, streaming: memory depends on the number of series, not of lines. */
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { type LatencyInterval, percentileMs } from '../run/latency-log.ts';
import { KNOWN_METRICS } from '../run/records.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { MinMaxSeries } from './min-max-series.ts';
import { RateSeries } from './rate-series.ts';
import type { Plot, PlotSeries } from './report-data.ts';

/** A run with more processes, topics or metrics than anybody can tell apart in a plot is drawn up to here. */
const SERIES_MAX = 12;
const OTHER_PLOTS_MAX = 12;
const DIGITS = 5;
const PAUSE_SECONDS_MIN = 2;
const PAUSE_GAPS = 3;
const LATENCY_CURVES = [
  { label: 'P50', percentile: 50 },
  { label: 'P99', percentile: 99 },
  { label: 'max', percentile: 100 },
] as const;
const TOPIC_NAMES: Readonly<Record<string, string>> = {
  slotAssigned: 'slots assigned',
  excess: 'excess',
  completed: 'completions',
};

export async function gatherPlots(
  run: RunDirectory,
  latencies: ReadonlyMap<string, LatencyInterval[]>,
): Promise<Plot[]> {
  const startMs = Date.parse(run.environment.startedAt);
  const metrics = await gatherMetrics(run, startMs);
  const lag = new Map([...(await gatherLag(run, startMs)), ...(metrics.get('lag_records') ?? [])]);
  const known = Object.entries(KNOWN_METRICS).map(([id, { title, unit }]) =>
    plotOf(id, title, unit, id === 'lag_records' ? lag : (metrics.get(id) ?? new Map())),
  );
  const others = [...metrics].filter(([id]) => !(id in KNOWN_METRICS)).slice(0, OTHER_PLOTS_MAX);
  const plots = [
    plotOf('throughput', 'Throughput', 'records/s', await gatherRates(run, startMs)),
    ...[...latencies].map(([measure, intervals]) => latencyPlot(measure, intervals, startMs)),
    ...known,
    ...others.map(([id, series]) => plotOf(id, id, '', series)),
  ];
  return plots.filter((plot) => plot.series.length > 0);
}

function plotOf(id: string, title: string, unit: string, series: ReadonlyMap<string, MinMaxSeries>): Plot {
  const drawn = [...series].slice(0, SERIES_MAX).map(([label, values]) => plotSeries(label, values));
  return { id, title, unit, series: drawn.filter(({ total }) => total.samples > 0) };
}

function plotSeries(label: string, series: MinMaxSeries): PlotSeries {
  const points = series.points();
  const pauseSeconds = pauseOf(points.map(({ x }) => x));
  const x: number[] = [];
  const y: (number | null)[] = [];
  for (const [at, point] of points.entries()) {
    const previous = points[at - 1];
    if (previous !== undefined && point.x - previous.x > pauseSeconds) {
      x.push(roundSeconds((previous.x + point.x) / 2));
      y.push(null);
    }
    x.push(roundSeconds(point.x));
    y.push(Number(point.y.toPrecision(DIGITS)));
  }
  return { label, x, y, total: series.total() };
}

/** A gap so much longer than nearly all others is a pause, not the rhythm of sampling. */
function pauseOf(xs: readonly number[]): number {
  const gaps = xs.slice(1).map((x, at) => x - (xs[at] ?? x));
  const usual = gaps.sort((left, right) => left - right)[Math.floor(gaps.length * 0.9)] ?? 0;
  return Math.max(PAUSE_SECONDS_MIN, usual * PAUSE_GAPS);
}

function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}

async function gatherRates(run: RunDirectory, startMs: number): Promise<Map<string, MinMaxSeries>> {
  const rates = new Map<string, RateSeries>();
  const count = (label: string, wallMs: number) => seriesOf(rates, label, RateSeries).add((wallMs - startMs) / 1_000);
  for await (const record of run.readHistory()) {
    if (record.type === 'ok' && isInput(record.f)) count('inputs sent', record.wallMs);
  }
  for await (const { topic, timestampMs } of run.readTopic('out')) count(nameOfTopic(topic), timestampMs);
  for await (const { timestampMs } of run.readTopic('dlq')) count('dead letters', timestampMs);
  return new Map([...rates].map(([label, rate]) => [label, rate.toSeries()]));
}

function isInput(f: string): boolean {
  return f === 'registration' || f === 'content' || f === 'failure';
}

/** Topics may have a prefix; the contract's name is their end. */
export function nameOfTopic(topic: string): string {
  const event = Object.entries(EVENT_TYPES).find(([, type]) => topic.endsWith(type));
  return TOPIC_NAMES[event?.[0] ?? ''] ?? topic;
}

function latencyPlot(measure: string, intervals: readonly LatencyInterval[], startMs: number): Plot {
  const curves = new Map<string, MinMaxSeries>();
  for (const { label, percentile } of LATENCY_CURVES) {
    const series = seriesOf(curves, label, MinMaxSeries);
    for (const { startWallMs, endWallMs, histogram } of intervals) {
      series.add(((startWallMs + endWallMs) / 2 - startMs) / 1_000, percentileMs(histogram, percentile));
    }
  }
  const title = `Latency: ${measure.replace(/[-_]/g, ' ')}`;
  return { ...plotOf(`latency-${measure}`, title, 'ms', curves), isLogarithmic: true };
}

/** By metric, then by process. */
async function gatherMetrics(run: RunDirectory, startMs: number): Promise<Map<string, Map<string, MinMaxSeries>>> {
  const metrics = new Map<string, Map<string, MinMaxSeries>>();
  for await (const { metric, process, wallMs, value } of run.readMetrics()) {
    const byProcess = seriesOf(metrics, metric, Map<string, MinMaxSeries>);
    seriesOf(byProcess, process, MinMaxSeries).add((wallMs - startMs) / 1_000, value);
  }
  return metrics;
}

/** Records not yet committed, all partitions of a topic together, at each sample. */
async function gatherLag(run: RunDirectory, startMs: number): Promise<Map<string, MinMaxSeries>> {
  const lags = new Map<string, MinMaxSeries>();
  const latest = new Map<string, Map<number, number>>();
  const pending = new Map<string, number>();
  let sampledMs = Number.NaN;
  const emit = () => {
    for (const [topic, wallMs] of pending) {
      const partitions = [...(latest.get(topic)?.values() ?? [])];
      const lag = partitions.reduce((sum, value) => sum + value, 0);
      seriesOf(lags, inputName(topic), MinMaxSeries).add((wallMs - startMs) / 1_000, lag);
    }
    pending.clear();
  };
  for await (const { topic, partition, committed, end, wallMs } of run.readOffsets()) {
    if (wallMs !== sampledMs) emit();
    sampledMs = wallMs;
    seriesOf(latest, topic, Map<number, number>).set(partition, end - (committed ?? 0));
    pending.set(topic, wallMs);
  }
  emit();
  return lags;
}

function inputName(topic: string): string {
  const event = Object.entries(EVENT_TYPES).find(([, type]) => topic.endsWith(type));
  return event === undefined ? topic : `${event[0]} topic`;
}

function seriesOf<T>(map: Map<string, T>, key: string, Series: new () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Series();
  map.set(key, made);
  return made;
}
