/** What the dashboards ask Prometheus, panel by panel and annotation by annotation, as Grafana would send it. */
import type { DashboardFile } from '../../artefacts/grafana/all-dashboards.ts';

export interface PanelView {
  readonly dashboard: string;
  readonly id?: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null; readonly color: string }[] };
    };
  };
  readonly options?: {
    readonly legend?: { readonly showLegend: boolean };
    readonly tooltip?: { readonly mode: string; readonly sort: string };
  };
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly legendFormat?: string }[];
}

export interface DashboardQuery {
  readonly dashboard: string;
  readonly kind: 'panel' | 'annotation';
  /** Of the panel or annotation. */
  readonly title: string;
  readonly expr: string;
}

interface DashboardView {
  readonly title: string;
  readonly panels: readonly PanelView[];
  readonly annotations?: { readonly list?: readonly { readonly name: string; readonly expr?: string }[] };
}

export function panelsOf(file: Pick<DashboardFile, 'name' | 'text'>): PanelView[] {
  return layoutOf(file).panels.filter(({ type }) => type !== 'row');
}

/** With the rows, whose titles stand between panels. */
export function layoutOf({ name, text }: Pick<DashboardFile, 'name' | 'text'>): { title: string; panels: PanelView[] } {
  const { title, panels } = JSON.parse(text) as DashboardView;
  return { title, panels: panels.map((panel) => ({ ...panel, dashboard: name })) };
}

export function queriesOf(file: Pick<DashboardFile, 'name' | 'text'>): DashboardQuery[] {
  const dashboard = file.name;
  const { annotations } = JSON.parse(file.text) as DashboardView;
  return [
    ...panelsOf(file).flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }): DashboardQuery => ({ dashboard, kind: 'panel', title, expr })),
    ),
    ...(annotations?.list ?? []).flatMap(({ name, expr }): DashboardQuery[] =>
      expr === undefined ? [] : [{ dashboard, kind: 'annotation', title: name, expr }],
    ),
  ];
}

/** A rate interval, one scenario or all of them, and all of every other variable. */
export function interpolated(query: string, rateInterval: string, scenario = '.*'): string {
  return query
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$scenario', scenario)
    .replaceAll(/\$(instance|topic|namespace|cluster)\b/g, '.*');
}
