/** From the answers to a panel's queries to what Grafana would draw: named curves in the panel's unit, and its limits. */
import type { PanelView } from '../observe/dashboard-queries.ts';
import type { PanelRecord, RecordedAnswer } from '../observe/panel-record.ts';
import { MinMaxSeries } from '../report/min-max-series.ts';
import type { Limit, PlotSeries } from '../report/report-data.ts';

/** Grafana's name, what people say, and how our formatting knows it. */
const UNITS: Readonly<Record<string, { readonly words: string; readonly unit: string; readonly factor: number }>> = {
  s: { words: 'time', unit: 's', factor: 1 },
  short: { words: 'count', unit: '', factor: 1 },
  none: { words: 'no unit', unit: '', factor: 1 },
  percentunit: { words: 'share', unit: '%', factor: 100 },
  bytes: { words: 'bytes', unit: 'bytes', factor: 1 },
  cps: { words: 'per second', unit: '/s', factor: 1 },
  cpm: { words: 'per minute', unit: '/min', factor: 1 },
};

export interface PanelUnit {
  readonly words: string;
  readonly unit: string;
  readonly factor: number;
}

export function unitOf({ dashboard, title, fieldConfig }: PanelView): PanelUnit {
  const name = fieldConfig?.defaults.unit ?? 'none';
  const known = UNITS[name];
  if (known === undefined) throw new Error(`${dashboard}: ${title}: the preview does not know the unit ${name}`);
  return known;
}

/** A query that this run was not asked, because the dashboard is newer, has no answer. */
export function answersOf(panel: PanelView, record: PanelRecord): (RecordedAnswer | null)[] {
  return (panel.targets ?? []).map(
    ({ expr }) => record.answers.find((each) => each.dashboard === panel.dashboard && each.expr === expr) ?? null,
  );
}

export function curvesOf(panel: PanelView, record: PanelRecord): PlotSeries[] {
  const { factor } = unitOf(panel);
  const answers = answersOf(panel, record);
  return (panel.targets ?? []).flatMap(({ legendFormat = '' }, at) =>
    (answers[at]?.series ?? []).map(({ labels, values }): PlotSeries => {
      const total = new MinMaxSeries();
      const x = values.map((_, instant) => (instant * record.stepMs) / 1_000);
      const y = values.map((value) => (value === null ? null : value * factor));
      for (const [instant, value] of y.entries()) if (value !== null) total.add(x[instant] ?? 0, value);
      return { label: legendOf(legendFormat, labels), x, y, total: total.total() };
    }),
  );
}

/** As Grafana fills it in; without a format, all labels. */
export function legendOf(format: string, labels: Readonly<Record<string, string>>): string {
  if (format !== '') return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? '');
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}

interface Step {
  readonly value: number | null;
  readonly color: string;
}

function stepsOf(panel: PanelView): readonly Step[] {
  return panel.fieldConfig?.defaults.thresholds?.steps ?? [];
}

export interface PanelLimit extends Limit {
  /** Bad below it, not above. */
  readonly isLeast: boolean;
}

export function limitsOf(panel: PanelView): PanelLimit[] {
  const { factor } = unitOf(panel);
  const steps = stepsOf(panel);
  return steps.flatMap(({ value, color }, at): PanelLimit[] => {
    if (value === null) return [];
    const isLeast = steps[at - 1]?.color === 'red';
    if (color === 'green' && !isLeast) return [];
    return [{ value: value * factor, tone: color === 'yellow' ? 'open' : 'bad', isLeast }];
  });
}

/** Of the highest step not above the value, as Grafana colours a figure. */
export function toneOf(panel: PanelView, value: number): 'good' | 'open' | 'bad' | 'plain' {
  const { factor } = unitOf(panel);
  const reached = stepsOf(panel).filter((step) => step.value === null || value >= step.value * factor);
  const color = reached.at(-1)?.color;
  if (color === undefined) return 'plain';
  return color === 'red' ? 'bad' : color === 'yellow' ? 'open' : 'good';
}
