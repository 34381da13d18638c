import { compareCapacities, type MeasuredCapacity } from '../../../distributed/scenarios/scaling.ts';

const found = (rate: number, failedAt: number): MeasuredCapacity => ({
  rate,
  failedAt,
  problem: null,
  unlimited: null,
});
const open = (rate: number): MeasuredCapacity => ({
  rate,
  failedAt: null,
  problem: 'the search ended between',
  unlimited: null,
});

describe('the ratio of two capacities', () => {
  test('is that of what both sustained', () => {
    expect(compareCapacities(found(200, 230), found(700, 800), 1.5)).toEqual({ measured: 3.5 });
    expect(compareCapacities(found(200, 230), found(200, 230), 1.5)).toEqual({ measured: 1 });
  });

  test('is at least what many sustained to what was too much for one', () => {
    expect(compareCapacities(found(200, 250), open(1_000), 1.5)).toEqual({
      measured: 4,
      note: 'at least: the search ended between',
    });
    // One that sustained nothing yet: it is known all the same what was too much for it.
    expect(compareCapacities({ ...open(0), failedAt: 250 }, open(1_000), 4)).toMatchObject({ measured: 4 });
  });

  test('is unknown where that is not enough, never a miss', () => {
    expect(compareCapacities(found(200, 250), open(300), 1.5)).toEqual({
      measured: null,
      note: 'not measurable: the search ended between',
    });
  });

  test('is unknown where nothing was too much for one, or without the limit', () => {
    expect(compareCapacities(open(200), found(1_000, 1_100), 1.5).measured).toBeNull();
    const unlimited = { ...found(1_000, 1_100), unlimited: 'no CPU limit' };
    expect(compareCapacities(found(200, 250), unlimited, 1.5)).toEqual({ measured: null, note: 'no CPU limit' });
  });
});
