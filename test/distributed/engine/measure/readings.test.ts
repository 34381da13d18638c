import fc from 'fast-check';
import {
  histogramOf,
  histogramSince,
  parseSamples,
  quantileOf,
  sumOf,
} from '../../../../distributed/engine/measure/prometheus-text.ts';
import { median, slopePerSecond } from '../../../../distributed/engine/measure/trend.ts';

const TEXT = `# HELP x y
# TYPE d histogram
d_bucket{le="0.1",op="read"} 5
d_bucket{le="0.5",op="read"} 9
d_bucket{le="+Inf",op="read"} 10
d_sum{op="read"} 2.5
d_count{op="read"} 10
d_bucket{le="0.1",op="write"} 10
d_bucket{le="0.5",op="write"} 10
d_bucket{le="+Inf",op="write"} 10
d_sum{op="write"} 0.5
d_count{op="write"} 10
errors_total{sqlstate="23505"} 3
up 1
`;

test('samples are summed over the labels that are asked for', () => {
  const samples = parseSamples(TEXT);
  expect(sumOf(samples, 'd_count')).toBe(20);
  expect(sumOf(samples, 'd_count', 'op="read"')).toBe(10);
  expect(sumOf(samples, 'errors_total', 'sqlstate="23505"')).toBe(3);
  expect(sumOf(samples, 'up')).toBe(1);
});

test('a quantile of a histogram lies in the bucket that reaches its rank', () => {
  const both = histogramOf(parseSamples(TEXT), 'd');
  expect(both).toMatchObject({ count: 20, sum: 3 });
  expect(quantileOf(both, 0.5)).toBeCloseTo((0.1 * 10) / 15);
  expect(quantileOf(both, 0.95)).toBeCloseTo(0.5);
  expect(quantileOf(both, 1)).toBe(0.5);
  expect(quantileOf(histogramSince(both, both), 0.95)).toBeNull();
});

test('the slope of a line is found again', () => {
  const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(number, number), ([slope, offset]) => {
      const points = [0, 1, 2, 5, 9].map((x) => ({ x, y: offset + slope * x }));
      expect(slopePerSecond(points)).toBeCloseTo(slope, 6);
    }),
  );
  expect(slopePerSecond([{ x: 1, y: 1 }])).toBe(0);
});

test('the median has as many values above as below', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), (values) => {
      const middle = median(values) ?? Number.NaN;
      expect(values.filter((value) => value < middle).length).toBeLessThanOrEqual(values.length / 2);
      expect(values.filter((value) => value > middle).length).toBeLessThanOrEqual(values.length / 2);
    }),
  );
  expect(median([])).toBeNull();
});
