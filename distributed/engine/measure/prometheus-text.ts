/** Reads Prometheus text as the workers serve it. Pure; a line that is no sample is left out. */
export interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** Between two buckets of a histogram the values are taken to lie evenly. */
export interface HistogramTotals {
  readonly count: number;
  readonly sum: number;
  /** Cumulative counts by upper bound, rising. */
  readonly buckets: readonly (readonly [upperBound: number, count: number])[];
}

export function parseSamples(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match?.[1] !== undefined) {
      samples.push({ name: match[1], labels: match[2] ?? '', value: Number(match[3]) });
    }
  }
  return samples;
}

/** Adds up the samples of a metric whose labels contain the given pair. */
export function sumOf(samples: readonly Sample[], name: string, label = ''): number {
  let sum = 0;
  for (const sample of samples) {
    if (sample.name === name && sample.labels.includes(label)) {
      sum += sample.value;
    }
  }
  return sum;
}

/** Adds up histograms of one name, over labels and processes. */
export function histogramOf(samples: readonly Sample[], name: string, label = ''): HistogramTotals {
  const buckets = new Map<number, number>();
  for (const sample of samples) {
    const bound = /(?:^|,)le="([^"]+)"/.exec(sample.labels)?.[1];
    if (sample.name === `${name}_bucket` && bound !== undefined && sample.labels.includes(label)) {
      const upperBound = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
      buckets.set(upperBound, (buckets.get(upperBound) ?? 0) + sample.value);
    }
  }
  return {
    count: sumOf(samples, `${name}_count`, label),
    sum: sumOf(samples, `${name}_sum`, label),
    buckets: [...buckets].sort(([one], [other]) => one - other),
  };
}

/** Later minus earlier totals of the same processes. */
export function histogramSince(later: HistogramTotals, earlier: HistogramTotals): HistogramTotals {
  const before = new Map(earlier.buckets);
  return {
    count: later.count - earlier.count,
    sum: later.sum - earlier.sum,
    buckets: later.buckets.map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const),
  };
}

/** Null for an empty histogram; the last finite bound for what lies beyond it. */
export function quantileOf({ count, buckets }: HistogramTotals, quantile: number): number | null {
  const rank = quantile * count;
  let [lowerBound, below] = [0, 0];
  for (const [upperBound, upTo] of buckets) {
    if (upTo >= rank && count > 0) {
      if (!Number.isFinite(upperBound)) return lowerBound;
      const share = upTo === below ? 1 : (rank - below) / (upTo - below);
      return lowerBound + (upperBound - lowerBound) * share;
    }
    [lowerBound, below] = [upperBound, upTo];
  }
  return null;
}
