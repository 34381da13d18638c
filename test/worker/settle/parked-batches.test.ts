import { Metrics } from '../../../src/telemetry/metrics.ts';
import { ParkedBatches } from '../../../src/worker/settle/parked-batches.ts';
import { silentLog } from '../../support/worker/intake-bench.ts';

function bench() {
  let nowMs = 1_000;
  const lines: string[] = [];
  const note = (_fields: object, text: string) => lines.push(text);
  const log = Object.assign(Object.create(silentLog), { warn: note, info: note });
  const parked = new ParkedBatches({ log, metrics: new Metrics(), now: () => nowMs });
  const pass = (ms: number) => {
    nowMs += ms;
    return parked.release(nowMs);
  };
  return { parked, lines, pass, now: () => nowMs };
}

describe('ParkedBatches', () => {
  test('a batch is parked until its own backoff is over, whatever the others do', () => {
    const { parked, pass, now } = bench();
    parked.park(['a'], 'busy');
    const firstDueMs = parked.nextDueMs();
    expect(firstDueMs).toBeGreaterThan(now());
    expect(pass(firstDueMs - now())).toEqual(['a']);
    expect(parked.isParked('a')).toBe(false);
    for (let time = 0; time < 5; time += 1) {
      parked.park(['a'], 'busy');
      expect(pass(10_000)).toEqual(['a']);
    }
    parked.park(['a', 'b'], 'busy');
    // The fresh one is tried first, and the other no later than half a second from now.
    expect(pass(parked.nextDueMs() - now())).toEqual(['b']);
    expect(pass(500)).toEqual(['a']);
    expect(parked.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('what was settled is forgotten: it begins with the shortest backoff again, and not alone', () => {
    const { parked, pass, now } = bench();
    for (let time = 0; time < 8; time += 1) {
      parked.park(['a'], 'obstructed');
      pass(10_000);
    }
    expect(parked.isAlone('a')).toBe(true);
    parked.settled(['a']);
    expect(parked.isAlone('a')).toBe(false);
    parked.park(['a'], 'busy');
    expect(parked.nextDueMs() - now()).toBeLessThanOrEqual(4);
  });

  test('one that others change is tried again as soon as at first, and not told of', () => {
    const { parked, lines, pass, now } = bench();
    for (let version = 1; version < 20; version += 1) {
      parked.park(
        ['a', 'held'],
        'busy',
        new Map([
          ['a', version],
          ['held', 7],
        ]),
      );
      expect(parked.nextDueMs() - now()).toBeLessThanOrEqual(4);
      pass(1_000);
    }
    expect(lines).toEqual(['batch is held by somebody else, its inputs wait']);
  });

  test('settling others of a batch that is parked does not free it', () => {
    const { parked } = bench();
    parked.park(['a'], 'busy');
    parked.settled(['a']);
    expect(parked.isParked('a')).toBe(true);
  });

  test('one that is held for long is told of once, and when it is free again', () => {
    const { parked, lines, pass } = bench();
    for (let time = 0; time < 20; time += 1) {
      parked.park(['a'], 'busy');
      pass(1_000);
    }
    parked.settled(['a']);
    expect(lines).toEqual(['batch is held by somebody else, its inputs wait', 'batch is free again']);
  });

  test('what nobody asks for any more is forgotten', () => {
    const { parked, pass } = bench();
    parked.park(['a'], 'obstructed');
    pass(1_000);
    pass(60_001);
    expect(parked.isAlone('a')).toBe(false);
  });
});
