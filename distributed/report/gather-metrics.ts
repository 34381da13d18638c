/** The samples of a run as series: by metric, then by process, in the order people count in. Lag is by topic. */
import { EVENT_TYPES } from '../../src/contract/topics.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { KNOWN_METRICS } from './known-metrics.ts';
import { MinMaxSeries } from './min-max-series.ts';

type ByProcess = Map<string, MinMaxSeries>;

const { compare: byName } = new Intl.Collator('en', { numeric: true });

export async function gatherMetrics(run: RunDirectory, startMs: number): Promise<Map<string, ByProcess>> {
  const metrics = new Map<string, ByProcess>();
  const counters = new Map<string, { readonly wallMs: number; readonly value: number }>();
  for await (const { metric, process, wallMs, value } of run.readMetrics()) {
    const { isCounter = false, factor = 1 } = KNOWN_METRICS[metric] ?? {};
    const series = seriesOf(seriesOf(metrics, metric, Map<string, MinMaxSeries>), process, MinMaxSeries);
    const x = (wallMs - startMs) / 1_000;
    if (!isCounter) {
      series.add(x, value * factor);
      continue;
    }
    const key = `${metric} ${process}`;
    const previous = counters.get(key);
    counters.set(key, { wallMs, value });
    // A process that began anew counts from zero: what it had counted before its first sample is left out.
    if (previous === undefined || value < previous.value || wallMs <= previous.wallMs) continue;
    series.add(x, (value - previous.value) / ((wallMs - previous.wallMs) / 1_000));
  }
  return new Map([...metrics].map(([metric, byProcess]) => [metric, inOrder(byProcess)]));
}

function inOrder(byProcess: ByProcess): ByProcess {
  return new Map([...byProcess].sort(([left], [right]) => byName(left, right)));
}

/** Records not yet committed, all partitions of a topic together, at each sample. */
export async function gatherLag(run: RunDirectory, startMs: number): Promise<Map<string, MinMaxSeries>> {
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

export function seriesOf<T>(map: Map<string, T>, key: string, Series: new () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Series();
  map.set(key, made);
  return made;
}
