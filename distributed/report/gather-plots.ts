/** From a run directory to the series of its plots, streaming: memory depends on the number of series, not of lines. */
import { TARGETS } from '../../artefacts/targets.ts';
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import { type LatencyInterval, percentileMs } from '../run/latency-log.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { gatherLag, gatherMetrics, seriesOf } from './gather-metrics.ts';
import { KNOWN_METRICS } from './known-metrics.ts';
import { MinMaxSeries } from './min-max-series.ts';
import { RateSeries } from './rate-series.ts';
import type { Limit, Plot, PlotSeries } from './report-data.ts';
import { sentenceCase } from './wording.ts';

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
const COMPLETION_LIMITS: readonly Limit[] = [
  { value: TARGETS.completionP99SecondsMax * 1_000, tone: 'open', label: 'aimed at for P99' },
  { value: TARGETS.coordinationSecondsMax * 1_000, tone: 'bad', label: 'promised' },
];
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
  const colours = coloursOf([...metrics.values()].flatMap((byProcess) => [...byProcess.keys()]));
  metrics.set('lag_records', lag);
  const known = Object.entries(KNOWN_METRICS).map(([id, { title, unit }]) =>
    coloured(plotOf(id, title, unit, metrics.get(id) ?? new Map()), colours),
  );
  const others = [...metrics].filter(([id]) => !(id in KNOWN_METRICS)).slice(0, OTHER_PLOTS_MAX);
  const plots = [
    plotOf('throughput', 'Throughput', 'records/s', await gatherRates(run, startMs)),
    ...[...latencies].map(([measure, intervals]) => latencyPlot(measure, intervals, startMs)),
    ...known,
    ...others.map(([id, series]) => coloured(plotOf(id, sentenceCase(id), '', series), colours)),
  ];
  return plots.filter((plot) => plot.series.length > 0);
}

function plotOf(id: string, title: string, unit: string, series: ReadonlyMap<string, MinMaxSeries>): Plot {
  const drawn = [...series].slice(0, SERIES_MAX).map(([label, values]) => plotSeries(label, values));
  return { id, title, unit, series: drawn.filter(({ total }) => total.samples > 0) };
}

/** A process has the same colour in every plot. */
function coloured(plot: Plot, colours: ReadonlyMap<string, number>): Plot {
  const series = plot.series.map((each) => {
    const colour = colours.get(each.label);
    return colour === undefined ? each : { ...each, colour };
  });
  return { ...plot, series };
}

/** Workers first, in their order: they are looked at most and shall be told apart best. */
function coloursOf(labels: readonly string[]): Map<string, number> {
  const rank = (label: string) => (label.startsWith('worker') ? 0 : 1);
  const distinct = [...new Set(labels)].sort(
    (left, right) => rank(left) - rank(right) || left.localeCompare(right, 'en', { numeric: true }),
  );
  return new Map(distinct.map((label, at) => [label, at]));
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
  const limits = measure.endsWith('completion') ? COMPLETION_LIMITS : [];
  return { ...plotOf(`latency-${measure}`, title, 'ms', curves), isLogarithmic: true, limits };
}
