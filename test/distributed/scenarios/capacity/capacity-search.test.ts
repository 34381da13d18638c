import fc from 'fast-check';
import { searchCapacity } from '../../../../distributed/scenarios/capacity/capacity-search.ts';

const TOLERANCE = 0.08;

const system = fc.record({
  capacity: fc.double({ min: 1, max: 1e5, noNaN: true }),
  guess: fc.double({ min: 0.2, max: 3, noNaN: true }),
});

test('the rate that is found holds, and what lies beyond the tolerance does not', async () => {
  await fc.assert(
    fc.asyncProperty(system, async ({ capacity, guess }) => {
      const search = { firstRate: capacity * guess, growth: 1.5, tolerance: TOLERANCE, trialsMax: 40 };
      const found = await searchCapacity(search, async (rate) => rate <= capacity);
      expect(found.rate).toBeLessThanOrEqual(capacity);
      expect(found.rate * (1 + TOLERANCE)).toBeGreaterThanOrEqual(capacity * 0.999);
      expect(found.failedAt).toBeGreaterThan(capacity);
    }),
  );
});

test('never more trials than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(system, fc.integer({ min: 1, max: 6 }), async ({ capacity, guess }, trialsMax) => {
      const search = { firstRate: capacity * guess, growth: 1.5, tolerance: TOLERANCE, trialsMax };
      const { trials } = await searchCapacity(search, async (rate) => rate <= capacity);
      expect(trials.length).toBeLessThanOrEqual(trialsMax);
    }),
  );
});

test('a system that sustains nothing has the capacity 0', async () => {
  const search = { firstRate: 100, growth: 2, tolerance: TOLERANCE, trialsMax: 5 };
  expect(await searchCapacity(search, async () => false)).toMatchObject({ rate: 0 });
});

test('a system that sustains everything says that the limit was not found', async () => {
  const search = { firstRate: 100, growth: 2, tolerance: TOLERANCE, trialsMax: 3 };
  expect(await searchCapacity(search, async () => true)).toMatchObject({ rate: 400, failedAt: null });
});
