/** PromQL in the few forms the dashboards need, always over Grafana's own rate interval and the chosen instances. */

/** Whose metrics a dashboard shows; a run's dashboard chooses among scenarios too. */
export const PLACE = 'namespace=~"$namespace", cluster=~"$cluster"';
export const WORKERS = `job="worker", instance=~"$instance", ${PLACE}`;
export const GATEWAYS = `job="gateway", ${PLACE}`;
export const RUN_WORKERS = `${WORKERS}, scenario=~"$scenario"`;

export interface Selection {
  /** Labels the result keeps. */
  readonly by?: readonly string[];
  /** Further matchers, as in `topic=~"$topic"`. */
  readonly where?: string;
  readonly workers?: string;
}

export function selected(metric: string, { where, workers = WORKERS }: Selection = {}): string {
  return `${metric}{${[workers, where].filter((part) => part !== undefined).join(', ')}}`;
}

export function rate(metric: string, selection: Selection = {}): string {
  return `sum${grouping(selection.by)} (rate(${selected(metric, selection)}[$__rate_interval]))`;
}

/** Of a counter whose labels appear with the first event: until then 0 instead of nothing. */
export function rareRate(metric: string, label: string, selection: Selection = {}): string {
  return zeroUntilFirst(rate(metric, { ...selection, by: [label] }), label);
}

/** The count so far, 0 until the first. */
export function rareTotal(metric: string, label: string, selection: Selection = {}): string {
  return zeroUntilFirst(`sum by (${label}) (${selected(metric, selection)})`, label);
}

function zeroUntilFirst(query: string, label: string): string {
  return `${query} or on () label_replace(vector(0), "${label}", "none", "", "")`;
}

export function quantile(share: number, histogram: string, selection: Selection = {}): string {
  const by = [...(selection.by ?? []), 'le'];
  return `histogram_quantile(${share}, ${rate(`${histogram}_bucket`, { ...selection, by })})`;
}

export function average(histogram: string, selection: Selection = {}): string {
  return `${rate(`${histogram}_sum`, selection)} / ${rate(`${histogram}_count`, selection)}`;
}

/** Every worker reads such a gauge from the same place: it is taken once, never summed over workers. */
export function shared(metric: string, selection: Selection = {}): string {
  return `max${grouping(selection.by)} (${selected(metric, selection)})`;
}

export function lag(by: string, selection: Selection = {}): string {
  return `sum by (${by}) (max by (topic, partition) (${selected('els_consumer_lag', selection)} >= 0))`;
}

/** How fast the lag grows (or, below zero, falls): what is produced less what is resolved. */
export function lagGrowth(by: string, selection: Selection = {}): string {
  return `sum by (${by}) (max by (topic, partition) (deriv(${selected('els_consumer_lag', selection)}[$__rate_interval])))`;
}

function grouping(by: readonly string[] = []): string {
  return by.length === 0 ? '' : ` by (${by.join(', ')})`;
}
