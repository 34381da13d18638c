/**
 * What Prometheus answered to every query of the dashboards in one part of a run, kept in the run's directory to be
 * drawn without a Prometheus. Its size has a bound whatever the length of the run and the number of series.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { DashboardQuery } from './dashboard-queries.ts';
import type { TimedSeries, TimeSpan } from './prometheus-client.ts';

export const PANELS_FILE = 'panels.json';

/** About as many as a panel has pixels to show them. */
const INSTANTS_MAX = 240;
/** More curves than this cannot be told apart. */
const SERIES_MAX = 24;
const DIGITS = 6;

const recordedSeriesSchema = z.object({
  labels: z.record(z.string(), z.string()),
  /** One for each instant; null where there was no sample. */
  values: z.array(z.number().nullable()),
});

const recordedAnswerSchema = z.object({
  dashboard: z.string(),
  /** As in the dashboard, its variables not filled in. */
  expr: z.string(),
  series: z.array(recordedSeriesSchema),
  /** Series beyond the bound. */
  leftOut: z.number().int().nonnegative(),
  /** Why it may be empty. */
  excuse: z.string().nullable(),
});
export type RecordedAnswer = z.infer<typeof recordedAnswerSchema>;

const panelRecordSchema = z.object({
  scenario: z.string(),
  fromMs: z.number(),
  stepMs: z.number().positive(),
  answers: z.array(recordedAnswerSchema),
});
export type PanelRecord = z.infer<typeof panelRecordSchema>;

/** Every n-th sample, as Grafana would ask for them in a panel of that width. */
export function recordStepMs({ fromMs, toMs }: TimeSpan, scrapeIntervalMs: number): number {
  return scrapeIntervalMs * Math.max(1, Math.ceil((toMs - fromMs) / scrapeIntervalMs / INSTANTS_MAX));
}

export function recordedAnswer(
  { dashboard, expr }: DashboardQuery,
  series: readonly TimedSeries[],
  { span, stepMs, excuse }: { readonly span: TimeSpan; readonly stepMs: number; readonly excuse: string | null },
): RecordedAnswer {
  const instants = Math.floor((span.toMs - span.fromMs) / stepMs) + 1;
  const recorded = series.slice(0, SERIES_MAX).map(({ labels, values, timesMs }) => {
    const kept: (number | null)[] = new Array(instants).fill(null);
    for (const [at, timeMs] of timesMs.entries()) {
      const instant = Math.floor((timeMs - span.fromMs) / stepMs);
      kept[instant] ??= Number((values[at] ?? 0).toPrecision(DIGITS));
    }
    return { labels, values: kept };
  });
  return { dashboard, expr, series: recorded, leftOut: Math.max(0, series.length - SERIES_MAX), excuse };
}

/** Null where a directory has none. */
export async function readPanelRecord(file: string): Promise<PanelRecord | null> {
  try {
    return panelRecordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
