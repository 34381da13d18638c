import fc from 'fast-check';
import { MinMaxSeries } from '../../../distributed/report/min-max-series.ts';
import { RateSeries } from '../../../distributed/report/rate-series.ts';

const sample = fc.record({
  x: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  y: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
});
const samples = fc.array(sample, { maxLength: 400 });
const bucketsMax = fc.integer({ min: 2, max: 20 });

function seriesOf(points: readonly { x: number; y: number }[], buckets: number): MinMaxSeries {
  const series = new MinMaxSeries(buckets);
  for (const { x, y } of points) series.add(x, y);
  return series;
}

describe('a downsampled series', () => {
  test('has at most two points per bucket, in order of time, all of them real samples', () => {
    fc.assert(
      fc.property(samples, bucketsMax, (all, buckets) => {
        const points = seriesOf(all, buckets).points();
        expect(points.length).toBeLessThanOrEqual(2 * buckets);
        expect(points.every((point, at) => at === 0 || point.x >= (points[at - 1]?.x ?? point.x))).toBe(true);
        const real = new Set(all.map(({ x, y }) => `${x} ${y}`));
        expect(points.every(({ x, y }) => real.has(`${x} ${y}`))).toBe(true);
      }),
    );
  });

  test('keeps the highest and the lowest sample of all', () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 400 }), bucketsMax, (all, buckets) => {
        const kept = seriesOf(all, buckets)
          .points()
          .map(({ y }) => y);
        const ys = all.map(({ y }) => y);
        expect([Math.min(...kept), Math.max(...kept)]).toEqual([Math.min(...ys), Math.max(...ys)]);
      }),
    );
  });

  test('is the series itself while that is short', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (all) => {
        expect(seriesOf(all, 20).points()).toEqual([...all].sort((left, right) => left.x - right.x));
      }),
    );
  });

  test('tells count, extremes, mean and last of all samples, not of the kept ones', () => {
    const all = Array.from({ length: 1_000 }, (_, x) => ({ x, y: x % 10 }));
    expect(seriesOf(all, 5).total()).toEqual({ samples: 1_000, min: 0, max: 9, mean: 4.5, last: 9 });
  });

  test('keeps one spike among 200 000 samples at its time', () => {
    const series = new MinMaxSeries();
    for (let at = 0; at < 200_000; at++) series.add(at / 1_000, at === 123_456 ? 99 : 1);
    expect(series.points().filter(({ y }) => y === 99)).toEqual([{ x: 123.456, y: 99 }]);
  });

  test('leaves out what is not a number', () => {
    const series = seriesOf(
      [
        { x: 1, y: Number.NaN },
        { x: Number.POSITIVE_INFINITY, y: 1 },
        { x: 1, y: 2 },
      ],
      5,
    );
    expect(series.points()).toEqual([{ x: 1, y: 2 }]);
  });
});

describe('a rate', () => {
  test('is events per second, with zero for a second without any', () => {
    const rate = new RateSeries();
    for (const x of [0.1, 0.2, 0.9, 2.5]) rate.add(x);
    expect(rate.toSeries().points()).toEqual([
      { x: -0.5, y: 0 },
      { x: 0.5, y: 3 },
      { x: 1.5, y: 0 },
      { x: 2.5, y: 1 },
      { x: 3.5, y: 0 },
    ]);
  });

  test('loses no event of a long run and ignores instants of another life', () => {
    const rate = new RateSeries();
    for (let x = 0; x < 20_000; x++) rate.add(x + 0.5);
    rate.add(-1.7e9);
    rate.add(Number.NaN);
    expect(rate.toSeries().total().max).toBe(1);
    expect(rate.toSeries().points().length).toBeLessThanOrEqual(1_000);
  });
});
