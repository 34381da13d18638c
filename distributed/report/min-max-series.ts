/**
 * A series of any length in at most `2 * bucketsMax` points. Up to that many samples are kept as they are; beyond it
 * each bucket of time keeps its lowest and its highest sample, so no spike is lost, whatever the order of arrival.
 */
import type { SeriesTotal } from './report-data.ts';

const BUCKET_SECONDS_MIN = 1e-6;

interface Sample {
  readonly x: number;
  readonly y: number;
}

interface Bucket {
  low: Sample;
  high: Sample;
}

export const BUCKETS_MAX = 500;

export class MinMaxSeries {
  private readonly bucketsMax: number;
  private readonly buckets = new Map<number, Bucket>();
  private samples: Sample[] | null = [];
  private bucketWidth = 0;
  private count = 0;
  private sum = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  private lastSample: Sample | null = null;

  constructor(bucketsMax: number = BUCKETS_MAX) {
    this.bucketsMax = bucketsMax;
  }

  /** What is not a finite number is not a measurement and is left out. */
  add(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const sample = { x, y };
    this.count++;
    this.sum += y;
    this.min = Math.min(this.min, y);
    this.max = Math.max(this.max, y);
    if (this.lastSample === null || x >= this.lastSample.x) this.lastSample = sample;
    if (this.samples === null) {
      this.addToBucket(sample);
      return;
    }
    this.samples.push(sample);
    if (this.samples.length > 2 * this.bucketsMax) this.startBuckets(this.samples);
  }

  total(): SeriesTotal {
    const { count, sum, min, max, lastSample } = this;
    return {
      samples: count,
      min,
      mean: count === 0 ? Number.NaN : sum / count,
      max,
      last: lastSample?.y ?? Number.NaN,
    };
  }

  /** In order of time. */
  points(): Sample[] {
    const kept = this.samples ?? [...this.buckets.values()].flatMap(samplesOf);
    return [...kept].sort((left, right) => left.x - right.x);
  }

  private startBuckets(samples: readonly Sample[]): void {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { x } of samples) {
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    this.bucketWidth = Math.max((high - low) / this.bucketsMax, BUCKET_SECONDS_MIN);
    this.samples = null;
    for (const sample of samples) this.addToBucket(sample);
  }

  private addToBucket(sample: Sample): void {
    this.include(sample);
    while (this.buckets.size > this.bucketsMax) this.widen();
  }

  private include(sample: Sample): void {
    const index = Math.floor(sample.x / this.bucketWidth);
    const bucket = this.buckets.get(index);
    if (bucket === undefined) {
      this.buckets.set(index, { low: sample, high: sample });
      return;
    }
    if (sample.y < bucket.low.y) bucket.low = sample;
    if (sample.y > bucket.high.y) bucket.high = sample;
  }

  private widen(): void {
    this.bucketWidth *= 2;
    const old = [...this.buckets.values()];
    this.buckets.clear();
    for (const sample of old.flatMap(samplesOf)) this.include(sample);
  }
}

function samplesOf({ low, high }: Bucket): Sample[] {
  return low === high ? [low] : [low, high];
}
