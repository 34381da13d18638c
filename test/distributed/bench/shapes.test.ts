import { benchCommand, readRequest } from '../../../distributed/bench/bench-command.ts';
import type { ShapeResult } from '../../../distributed/bench/results.ts';
import { shapeCells, shapePlots } from '../../../distributed/bench/shapes/shape-table.ts';

function shape(points: readonly [series: string, x: number, ...values: number[]][]): ShapeResult {
  return {
    name: 'group-size',
    about: 'Largest group',
    xTitle: 'inputs',
    figures: [{ name: 'speed', unit: '/s' }],
    points: points.map(([series, x, ...values]) => ({
      series,
      x,
      runs: values.map((value) => ({ values: [value], problems: value < 0 ? ['lost'] : [] })),
    })),
  };
}

describe('a shape', () => {
  test('is a row for each point with the medians of its repeats', () => {
    const { head, rows } = shapeCells(shape([['build', 10, 3, 1, 2]]));
    expect(head).toEqual(['group-size', 'inputs', 'speed', 'outcome']);
    expect(rows).toEqual([['build', '10', '2 /s', 'right']]);
  });

  test('says which point came out wrong', () => {
    const { rows } = shapeCells(shape([['build', 10, 1, -1, 2]]));
    expect(rows[0]?.at(-1)).toBe('WRONG');
  });

  test('is a curve for each series, in order of x', () => {
    const [plot, ...others] = shapePlots(
      shape([
        ['build', 500, 5],
        ['release', 1, 7],
        ['build', 1, 1],
      ]),
    );
    expect(others).toEqual([]);
    expect(plot?.axis).toEqual({ title: 'inputs', isLogarithmic: true });
    expect(plot?.series).toMatchObject([
      { label: 'build', x: [1, 500], y: [1, 5] },
      { label: 'release', x: [1], y: [7] },
    ]);
  });

  test('has no curve where nothing varies', () => {
    expect(
      shapePlots(
        shape([
          ['build', 45, 1],
          ['release', 45, 2],
        ]),
      ),
    ).toEqual([]);
  });

  test('is asked for by name; others are refused', () => {
    const parse = (names: string) =>
      readRequest(
        benchCommand()
          .exitOverride()
          .configureOutput({ writeErr: () => undefined })
          .parse(['--shape', names], { from: 'user' })
          .opts(),
      );
    expect(parse('low-rate,idle').shapes).toEqual(['low-rate', 'idle']);
    expect(() => parse('low-rate,idel')).toThrow(/There is low-rate/);
  });
});
