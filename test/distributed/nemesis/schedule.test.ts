import fc from 'fast-check';
import { oneOfEach, planFaults } from '../../../distributed/nemesis/schedule.ts';

const options = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  kinds: fc.uniqueArray(fc.constantFrom('kill', 'pause', 'stop', 'flush'), { minLength: 1 }),
  fromMs: fc.integer({ min: 0, max: 5_000 }),
  untilMs: fc.integer({ min: 10_000, max: 120_000 }),
  holdMsMin: fc.integer({ min: 100, max: 1_000 }),
  holdMsMax: fc.integer({ min: 1_000, max: 5_000 }),
  gapMsMin: fc.integer({ min: 0, max: 1_000 }),
  gapMsMax: fc.integer({ min: 1_000, max: 4_000 }),
  targets: fc.integer({ min: 1, max: 5 }),
});

test('the same options give the same schedule', () => {
  fc.assert(fc.property(options, (given) => expect(planFaults(given)).toEqual(planFaults(given))));
});

test('a schedule has at least one fault, and faults follow one another within the time', () => {
  fc.assert(
    fc.property(options, (given) => {
      const faults = planFaults(given);
      expect(faults.length).toBeGreaterThan(0);
      let freeFromMs = given.fromMs;
      for (const { atMs, holdMs, target } of faults) {
        expect(atMs).toBeGreaterThanOrEqual(freeFromMs);
        expect(atMs).toBeLessThan(given.untilMs);
        expect(target).toBeGreaterThanOrEqual(0);
        expect(target).toBeLessThan(given.targets);
        freeFromMs = atMs + holdMs;
      }
    }),
  );
});

test('every kind comes before any comes again', () => {
  fc.assert(
    fc.property(options, (given) => {
      const kinds = planFaults(given).map(({ kind }) => kind);
      for (let from = 0; from < kinds.length; from += given.kinds.length) {
        const round = kinds.slice(from, from + given.kinds.length);
        expect(new Set(round).size).toBe(round.length);
      }
    }),
  );
});

test('about a quarter of the periods is quiet', () => {
  const given = { kinds: ['kill'], fromMs: 0, untilMs: 1_000_000, holdMsMin: 1_000, holdMsMax: 1_000 };
  const faults = planFaults({ ...given, seed: 5, gapMsMin: 0, gapMsMax: 0, targets: 1 });
  expect(faults.length).toBeGreaterThan(650);
  expect(faults.length).toBeLessThan(850);
});

test('one of each leaves time between the end of one and the start of the next', () => {
  const kinds = ['a', 'b', 'c', 'd'];
  const faults = oneOfEach({ seed: 1, kinds, fromMs: 1_000, untilMs: 9_000, targets: 3, holdMs: 60_000 });
  expect(faults.map(({ kind }) => kind)).toEqual(kinds);
  faults.slice(1).forEach((fault, index) => {
    const before = faults[index];
    expect(fault.atMs).toBeGreaterThan((before?.atMs ?? 0) + (before?.holdMs ?? 0));
  });
});
