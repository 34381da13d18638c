/** What the page draws; embedded in it as JSON. Types only: shared by the builder and the script in the page. */

export interface ReportData {
  readonly plots: readonly Plot[];
  readonly faults: readonly Span[];
  readonly phases: readonly Span[];
}

export interface Plot {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Logarithmic when values span orders of magnitude. */
  readonly isLogarithmic?: boolean;
  /** Of plots over something else than the run's time. */
  readonly axis?: { readonly title: string; readonly isLogarithmic: boolean };
  readonly series: readonly PlotSeries[];
  /** Values that are not to be passed, as dashed lines. */
  readonly limits?: readonly Limit[];
  /** False where one curve needs no name. */
  readonly hasLegend?: boolean;
}

export interface Limit {
  readonly value: number;
  readonly tone: 'open' | 'bad';
  /** What it is, where the page must say so. */
  readonly label?: string;
}

export interface PlotSeries {
  readonly label: string;
  /** Seconds since the run began, or along the plot's own axis; ascending. */
  readonly x: readonly number[];
  /** Null where the series pauses: a dead process has no value, and none is drawn. */
  readonly y: readonly (number | null)[];
  /** Of the palette; its place in the plot, if not given. */
  readonly colour?: number;
  /** Over all samples, before any were left out of `x` and `y`. */
  readonly total: SeriesTotal;
}

export interface SeriesTotal {
  readonly samples: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly last: number;
}

/** Seconds since the run began. */
export interface Span {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}
