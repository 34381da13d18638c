import { Pace } from '../../src/http/pace.ts';

test('a rush passes at the rate, and what would wait too long is told at once', async () => {
  const pace = new Pace({ perSecondMax: 200, waitMsMax: 100, burstMs: 50 });
  const startedAtMs = performance.now();
  const turns = await Promise.all(Array.from({ length: 100 }, () => pace.turn()));
  const passed = turns.filter((turn) => turn).length;
  // 10 at once, one every 5 ms for 100 ms, and the one whose turn is the last; more where asking takes time itself.
  expect(passed).toBeGreaterThanOrEqual(31);
  expect(passed).toBeLessThan(60);
  // Every one of them had its turn at its time, not before.
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(95);
});

test('after the rush the next passes again', async () => {
  const pace = new Pace({ perSecondMax: 100, waitMsMax: 0, burstMs: 0 });
  expect([await pace.turn(), await pace.turn()]).toEqual([true, false]);
  let turn = false;
  const endMs = performance.now() + 1000;
  while (!turn && performance.now() < endMs) {
    await new Promise((resolve) => setImmediate(resolve));
    turn = await pace.turn();
  }
  expect(turn).toBe(true);
});
