import type { Gate } from '../../../distributed/run/results.ts';
import { EXIT, exitCodeOf, gatePasses, mergeVerdict } from '../../../distributed/run/verdict.ts';

const held = { verdict: true, judged: 5 } as const;
const broken = { verdict: false, judged: 5 } as const;
const open = { verdict: 'unknown', judged: 5 } as const;
const race = (seen: number) => ({ name: 'overlap', seen, needed: 20, unit: 'times' });
const gate = (passed: Gate['passed']): Gate => ({
  name: 'P99',
  measured: 1,
  target: 1,
  comparison: '<',
  unit: 'ms',
  passed,
  source: 'aimed at',
});

describe('a verdict', () => {
  test('any false makes a run invalid, whatever else is unknown', () => {
    expect(mergeVerdict([held, open, broken], [race(0)])).toBe('invalid');
    expect(mergeVerdict([held], [], [{ verdict: 'unknown' }, { verdict: 'invalid' }])).toBe('invalid');
  });

  test('anything unknown makes it unknown', () => {
    expect(mergeVerdict([held, open])).toBe('unknown');
    expect(mergeVerdict([held], [], [{ verdict: 'valid' }, { verdict: 'unknown' }])).toBe('unknown');
  });

  test('a check of nothing, no check at all and a race seen too rarely prove nothing', () => {
    expect(mergeVerdict([held, { verdict: true, judged: 0 }])).toBe('unknown');
    expect(mergeVerdict([])).toBe('unknown');
    expect(mergeVerdict([held], [race(19)])).toBe('unknown');
  });

  test('all checks held and every race seen is valid', () => {
    expect(mergeVerdict([held, held], [race(20)], [{ verdict: 'valid' }])).toBe('valid');
  });
});

describe('an exit code', () => {
  test('tells broken, unproven, slow and interrupted apart', () => {
    const of = (verdict: 'valid' | 'invalid' | 'unknown', gates: Gate[], interrupted = false) =>
      exitCodeOf({ verdict, gates, interrupted });
    expect(of('valid', [gate(true)])).toBe(0);
    expect(of('invalid', [gate(false)])).toBe(1);
    expect(of('unknown', [gate(false)])).toBe(4);
    expect(of('valid', [gate('unknown'), gate(false)])).toBe(99);
    expect(of('valid', [gate('unknown')])).toBe(4);
    expect(of('valid', [], true)).toBe(130);
    expect(EXIT).toMatchObject({ usage: 2, environment: 3 });
  });

  test('looks at the gates of parts too', () => {
    const part = { name: 'a', verdict: 'valid' as const, durationMs: 1, checks: [], races: [], numbers: {} };
    expect(exitCodeOf({ verdict: 'valid', gates: [], parts: [{ ...part, gates: [gate(false)] }] })).toBe(99);
  });
});

describe('a gate', () => {
  test.each([
    [5, '<', 5, false],
    [5, '<=', 5, true],
    [5, '>', 5, false],
    [5, '>=', 5, true],
    [5, '=', 5, true],
    [null, '<', 5, 'unknown'],
    [Number.NaN, '<', 5, 'unknown'],
  ] as const)('%p %s %p is %p', (measured, comparison, target, passed) => {
    expect(gatePasses(measured, comparison, target)).toBe(passed);
  });
});
