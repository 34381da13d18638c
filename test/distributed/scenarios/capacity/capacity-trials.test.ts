import { assessTrial, type TrialMeasurements } from '../../../../distributed/scenarios/capacity/capacity-trials.ts';

const SECONDS = 5;
const RATE = 1_000;

/** A trial of five seconds whose lag grows by so many records a second. */
function trial(growthPerSecond: number, rest: Partial<TrialMeasurements> = {}): TrialMeasurements {
  const points = Array.from({ length: 20 }, (_, index) => ({ x: index / 4, y: 100 + (growthPerSecond * index) / 4 }));
  const lagAtEnd = points.at(-1)?.y ?? 0;
  return { ratePerSecond: RATE, seconds: SECONDS, points, lagAtEnd, busy: 0.6, sentSeconds: 5.01, ...rest };
}

describe('a trial of a rate', () => {
  it('is sustained when lag stays where it is', () => {
    expect(assessTrial(trial(0))).toEqual({ sustained: true, problem: null });
  });

  it('is not sustained when lag rises by a fifth of the rate', () => {
    expect(assessTrial(trial(200))).toEqual({ sustained: false, problem: null });
  });

  it('forgives what the first half fills', () => {
    const points = [0, 1, 2, 3, 4].map((x) => ({ x, y: x < SECONDS / 2 ? 400 * x : 1_000 }));
    expect(assessTrial(trial(0, { points, lagAtEnd: 1_000 }))).toEqual({ sustained: true, problem: null });
  });

  it('is not sustained when more than two seconds’ worth waits at its end', () => {
    expect(assessTrial(trial(0, { lagAtEnd: 2 * RATE + 1 })).sustained).toBe(false);
  });

  it('tells nothing about the group when the host was full', () => {
    expect(assessTrial(trial(200, { busy: 0.99 })).problem).toBe('the host was 99 % busy');
  });

  it('tells nothing about the group when the sender was late', () => {
    expect(assessTrial(trial(200, { sentSeconds: 5.8 })).problem).toContain('could not be sent');
  });

  it('stands when a rate is sustained, however busy the host', () => {
    expect(assessTrial(trial(0, { busy: 1 }))).toEqual({ sustained: true, problem: null });
  });
});
