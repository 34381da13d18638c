/** Panels from a few words each, so that none lacks a description, a unit or a place. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import {
  BytesIEC,
  CountsPerMinute,
  CountsPerSecond,
  NoUnit,
  PercentUnit,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';

const CHART_COLUMNS = 8;
const CHART_ROWS = 8;
const FIGURE_COLUMNS = 4;
const FIGURE_ROWS = 4;

export const UNITS = {
  seconds: Seconds,
  count: Short,
  share: PercentUnit,
  bytes: BytesIEC,
  perSecond: CountsPerSecond,
  perMinute: CountsPerMinute,
  none: NoUnit,
} as const;

const DASHBOARDS = {
  'els-overview': 'Overview',
  'els-slots': 'Slots and batches',
  'els-kafka': 'Kafka',
  'els-postgres': 'PostgreSQL',
  'els-redis': 'Redis',
  'els-outbox': 'Outbox',
} as const;
type DashboardUid = keyof typeof DASHBOARDS;

export interface PanelWords {
  readonly title: string;
  /** What is shown, and what a bad value means. */
  readonly description: string;
  readonly unit: keyof typeof UNITS;
  readonly queries: readonly Query[];
  /** Yellow from `warn`, red from `bad` up; red below `least`. */
  readonly limits?: { readonly warn?: number; readonly bad: number } | { readonly least: number };
  /** Where to look next; the overview, if not given. */
  readonly leadsTo?: DashboardUid;
  /** Of 24 columns. */
  readonly columns?: number;
}

export interface Query {
  readonly expr: string;
  readonly legend: string;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/**
 * Values over time; limits are drawn as dashed lines. Where there can be several series, each is named with its newest
 * and largest value, and the tooltip shows all of them, the largest first: by default the SDK hides both.
 */
export function chart(words: PanelWords): TimeseriesBuilder {
  const panel = described(new TimeseriesBuilder(), words)
    .span(words.columns ?? CHART_COLUMNS)
    .height(CHART_ROWS)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(hasSeveralSeries(words))
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  return words.limits === undefined
    ? panel
    : panel
        .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
        .thresholds(thresholdsOf(words));
}

/** Several queries, or one whose legend is made of labels. */
export function hasSeveralSeries({ queries }: Pick<PanelWords, 'queries'>): boolean {
  return queries.length > 1 || queries.some(({ legend }) => legend.includes('{{'));
}

/** The newest value, large. Without a calculation named, an empty newest sample would be shown as none. */
export function figure(words: PanelWords): StatBuilder {
  return described(new StatBuilder(), words)
    .span(words.columns ?? FIGURE_COLUMNS)
    .height(FIGURE_ROWS)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(thresholdsOf(words));
}

/** What lasts, as bars over time: one row for each series, where a line of ones would hide the others. */
export function timeline(words: PanelWords): TimelineBuilder {
  return described(new TimelineBuilder(), words)
    .span(words.columns ?? CHART_COLUMNS)
    .height(CHART_ROWS)
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.8)
    .thresholds(thresholdsOf(words));
}

/** Labels and value of each series, now. */
export function listing(words: PanelWords): TableBuilder {
  const panel = described(new TableBuilder(), { ...words, queries: [] })
    .span(words.columns ?? CHART_COLUMNS)
    .height(CHART_ROWS);
  for (const [index, { expr, legend }] of words.queries.entries()) {
    panel.withTarget(queryOf(index, expr, legend).instant().format(PromQueryFormat.Table));
  }
  return panel;
}

/** What each kind of panel builder has alike. */
interface Describable {
  title(text: string): this;
  description(text: string): this;
  unit(name: string): this;
  datasource(reference: typeof DATASOURCE): this;
  links(links: DashboardLinkBuilder[]): this;
  withTarget(target: DataqueryBuilder): this;
}

function described<Panel extends Describable>(panel: Panel, words: PanelWords): Panel {
  panel.title(words.title).description(words.description).unit(UNITS[words.unit]).datasource(DATASOURCE);
  panel.links([linkTo(words.leadsTo ?? 'els-overview')]);
  for (const [index, { expr, legend }] of words.queries.entries()) {
    panel.withTarget(queryOf(index, expr, legend).range());
  }
  return panel;
}

/** Same time, same instances. */
function linkTo(uid: DashboardUid): DashboardLinkBuilder {
  const url = `/d/${uid}?\${__url_time_range}&\${instance:queryparam}`;
  return new DashboardLinkBuilder(DASHBOARDS[uid]).type(DashboardLinkType.Link).url(url);
}

function queryOf(index: number, expr: string, legend: string): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(DATASOURCE)
    .expr(expr)
    .legendFormat(legend);
}

function thresholdsOf({ limits }: PanelWords): ThresholdsConfigBuilder {
  const steps: Threshold[] = [{ value: null, color: limits !== undefined && 'least' in limits ? 'red' : 'green' }];
  if (limits !== undefined && 'least' in limits) steps.push({ value: limits.least, color: 'green' });
  if (limits !== undefined && 'bad' in limits) {
    if (limits.warn !== undefined) steps.push({ value: limits.warn, color: 'yellow' });
    steps.push({ value: limits.bad, color: 'red' });
  }
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
