import { Breaker } from '../../src/redis/breaker.ts';

function bench() {
  const time = { nowMs: 0 };
  const breaker = new Breaker({ failuresMax: 3, openMs: 100 }, () => time.nowMs);
  const fail = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      expect(breaker.admits()).toBe(true);
      breaker.failed();
    }
  };
  return { time, breaker, fail };
}

describe('Breaker', () => {
  test('failures in a row open it, a success between them does not', () => {
    const { breaker, fail } = bench();
    fail(2);
    breaker.succeeded();
    fail(2);
    expect(breaker.isClosed).toBe(true);
    fail(1);
    expect([breaker.isClosed, breaker.admits()]).toEqual([false, false]);
  });

  test('when its time is over exactly one probe passes, and its success closes it', () => {
    const { time, breaker, fail } = bench();
    fail(3);
    time.nowMs = 99;
    expect(breaker.admits()).toBe(false);
    time.nowMs = 100;
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
    breaker.succeeded();
    expect([breaker.isClosed, breaker.admits()]).toEqual([true, true]);
  });

  test('a failed probe opens it for the full time again', () => {
    const { time, breaker, fail } = bench();
    fail(3);
    time.nowMs = 150;
    expect(breaker.admits()).toBe(true);
    breaker.failed();
    time.nowMs = 249;
    expect(breaker.admits()).toBe(false);
    time.nowMs = 250;
    expect(breaker.admits()).toBe(true);
  });

  test('late failures of calls that passed before it opened do not prolong it', () => {
    const { time, breaker, fail } = bench();
    fail(3);
    time.nowMs = 90;
    breaker.failed();
    time.nowMs = 100;
    expect(breaker.admits()).toBe(true);
  });
});
