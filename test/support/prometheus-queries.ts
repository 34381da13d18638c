/** Reads PromQL as far as tests need it: which metrics a query names, and what Grafana would send for it. */
import type { DashboardFile } from '../../distributed/grafana/all-dashboards.ts';

export interface PanelView {
  readonly dashboard: string;
  readonly id?: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

export function panelsOf({ name, text }: Pick<DashboardFile, 'name' | 'text'>): PanelView[] {
  const { panels } = JSON.parse(text) as { panels: PanelView[] };
  return panels.filter(({ type }) => type !== 'row').map((panel) => ({ ...panel, dashboard: name }));
}

/** Names of metrics: words that are neither function, keyword nor label. */
export function metricsIn(query: string): string[] {
  const bare = query
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ')
    .replace(/\{[^}]*\}/g, ' ')
    .replace(/\[[^\]]*\]/g, ' ');
  const words = bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])/g) ?? [];
  return [...new Set(words.filter((word) => !KEYWORDS.has(word)))];
}

const KEYWORDS = new Set(['by', 'or', 'and', 'unless', 'bool', 'offset', 'h', 'm', 's', 'sum', 'max', 'count', 'min']);

/** All of every variable, and a rate interval. */
export function interpolated(query: string, rateInterval: string): string {
  return query.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(instance|topic|scenario)\b/g, '.*');
}
