import { retrying } from '../../src/timing/retrying.ts';

/** Fails with these errors, one each, then succeeds. */
function failing(...errors: Error[]) {
  let callCount = 0;
  const call = async () => {
    callCount += 1;
    const error = errors.shift();
    if (error !== undefined) throw error;
    return 'done';
  };
  return { call, callCount: () => callCount };
}

const error = (text: string) => new Error(text);
const DELAYS = { delayMinMs: 1, delayMaxMs: 2 };

describe('retrying', () => {
  test('calls until a call succeeds, and asks about every failure by its number', async () => {
    const { call, callCount } = failing(error('a'), error('b'));
    const asked: [string, number][] = [];
    const mayRetry = (cause: unknown, failureCount: number) => {
      asked.push([(cause as Error).message, failureCount]);
      return true;
    };
    expect(await retrying(call, { ...DELAYS, mayRetry })).toBe('done');
    expect(callCount()).toBe(3);
    expect(asked).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  test('rejects with the error after which it may not go on', async () => {
    const { call, callCount } = failing(error('a'), error('b'), error('c'));
    const mayRetry = (_cause: unknown, failureCount: number) => failureCount < 2;
    await expect(retrying(call, { ...DELAYS, mayRetry })).rejects.toThrow('b');
    expect(callCount()).toBe(2);
  });

  test('an abort ends the wait at once, with the error waited for', async () => {
    const { call, callCount } = failing(error('a'), error('b'));
    const end = new AbortController();
    const mayRetry = () => {
      setImmediate(() => end.abort());
      return true;
    };
    const longWait = { delayMinMs: 600_000, delayMaxMs: 600_000 };
    await expect(retrying(call, { ...longWait, mayRetry, signal: end.signal })).rejects.toThrow('a');
    expect(callCount()).toBe(1);
  });
});
