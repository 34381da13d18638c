import { FetchPacing } from '../../src/kafka/fetch-pacing.ts';

const OPTIONS = { maxWaitMs: 200, idleWaitMs: 1000, gatherMs: 15, partitionBytesMax: 1024 * 1024 };

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const termsOf = (pacing: FetchPacing, isPaused = false) => {
  const { maxWaitTime, minBytes } = pacing.next(isPaused);
  return [maxWaitTime, minBytes > 1 ? 'gathers' : 'at once'];
};

test('a fetch that follows records gathers, the first one and one that follows nothing do not', () => {
  const pacing = new FetchPacing(OPTIONS);
  expect(termsOf(pacing)).toEqual([200, 'at once']);
  pacing.broughtRecords();
  expect(termsOf(pacing)).toEqual([15, 'gathers']);
  expect(termsOf(pacing)).toEqual([200, 'at once']);
});

test('after a while without records a fetch waits long, but not while something is paused, and not when it moved', () => {
  const pacing = new FetchPacing(OPTIONS);
  pacing.broughtRecords();
  pacing.next(false);
  jest.advanceTimersByTime(5001);
  expect(termsOf(pacing)).toEqual([1000, 'at once']);
  expect(termsOf(pacing, true)).toEqual([200, 'at once']);
  pacing.moved();
  expect(termsOf(pacing)).toEqual([200, 'at once']);
});

test('nothing gathers for longer than a fetch may wait, or where it is not wanted', () => {
  const short = new FetchPacing({ ...OPTIONS, maxWaitMs: 10 });
  short.broughtRecords();
  expect(termsOf(short)).toEqual([10, 'gathers']);
  const without = new FetchPacing({ ...OPTIONS, gatherMs: 0 });
  without.broughtRecords();
  expect(termsOf(without)).toEqual([200, 'at once']);
});

test('how much is asked for follows how quickly it comes', () => {
  const pacing = new FetchPacing(OPTIONS);
  const before = pacing.next(false).maxBytesPerPartition;
  pacing.answered(10);
  expect(pacing.next(false).maxBytesPerPartition).toBe(2 * before);
  pacing.answered(5000);
  expect(pacing.next(false).maxBytesPerPartition).toBe(before);
});
