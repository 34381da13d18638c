import type { LagReader } from '../../../src/domain/ports.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { Watchdog } from '../../../src/worker/upkeep/watchdog.ts';
import { silentLog } from '../../support/worker/intake-bench.ts';

const SILENT_MS_MAX = 60_000;
const INTERVAL_MS = 5000;

function bench() {
  const lags = new Map<number, number>();
  const answeredAtMs = new Map<number, number>();
  let failure: Error | undefined;
  const lagReader: LagReader = {
    read: async () => {
      if (failure !== undefined) throw failure;
      return [...lags].map(([partition, lag]) => ({ topic: 'pre.t', partition, lag }));
    },
  };
  const fatal: Error[] = [];
  const metrics = new Metrics();
  const watchdog = new Watchdog({
    lagReader,
    intake: {
      partitions: () =>
        [...answeredAtMs].map(([partition, lastAnswerAtMs]) => ({ topic: 'pre.t', partition, lastAnswerAtMs })),
    },
    metrics,
    log: silentLog,
    topicLabel: (topic) => topic.replace('pre.', ''),
    options: { intervalMs: INTERVAL_MS, silentMsMax: SILENT_MS_MAX, controlRecordsMax: 10 },
    onFatal: (error) => fatal.push(error),
  });
  const fail = (error: Error | undefined) => {
    failure = error;
  };
  return { lags, answeredAtMs, fatal, metrics, watchdog, fail };
}

describe('Watchdog', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('a partition with lag and no answer ends the process, once, after the bound and not before', async () => {
    const { lags, answeredAtMs, fatal, watchdog } = bench();
    lags.set(0, 500);
    answeredAtMs.set(0, performance.now());
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(SILENT_MS_MAX);
    expect(fatal).toEqual([]);
    await jest.advanceTimersByTimeAsync(60 * INTERVAL_MS);
    expect(fatal).toHaveLength(1);
    await watchdog.stop();
  });

  test('a partition that answers is not silent, though its lag stays: retries and known failures are answers', async () => {
    const { lags, answeredAtMs, fatal, watchdog } = bench();
    lags.set(0, 500);
    await watchdog.start();
    for (let count = 0; count < 100; count += 1) {
      answeredAtMs.set(0, performance.now());
      await jest.advanceTimersByTimeAsync(INTERVAL_MS);
    }
    expect(fatal).toEqual([]);
    await watchdog.stop();
  });

  test('one silent partition among busy ones is found', async () => {
    const { lags, answeredAtMs, fatal, watchdog } = bench();
    lags.set(0, 500).set(1, 20);
    answeredAtMs.set(1, performance.now());
    await watchdog.start();
    for (let count = 0; count < 20; count += 1) {
      answeredAtMs.set(0, performance.now());
      await jest.advanceTimersByTimeAsync(INTERVAL_MS);
    }
    expect(fatal.map((error) => error.message)).toEqual([expect.stringContaining('Partition 1')]);
    await watchdog.stop();
  });

  test('partitions of other instances are their own business', async () => {
    const { lags, fatal, watchdog } = bench();
    lags.set(0, 500);
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(100 * INTERVAL_MS);
    expect(fatal).toEqual([]);
    await watchdog.stop();
  });

  test('a partition that was idle for an hour has the full time for its first record', async () => {
    const { lags, answeredAtMs, fatal, watchdog } = bench();
    lags.set(0, 0);
    answeredAtMs.set(0, performance.now());
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(3_600_000);
    lags.set(0, 1);
    await jest.advanceTimersByTimeAsync(SILENT_MS_MAX - INTERVAL_MS);
    expect(fatal).toEqual([]);
    await jest.advanceTimersByTimeAsync(3 * INTERVAL_MS);
    expect(fatal).toHaveLength(1);
    await watchdog.stop();
  });

  test('a small lag that never was lower is taken for control records', async () => {
    const { lags, answeredAtMs, fatal, watchdog } = bench();
    lags.set(0, 1);
    answeredAtMs.set(0, performance.now());
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(fatal).toEqual([]);
    await watchdog.stop();
  });

  test('an unknown lag proves nothing', async () => {
    const { lags, answeredAtMs, fatal, watchdog, fail } = bench();
    lags.set(0, -1);
    answeredAtMs.set(0, performance.now());
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(100 * INTERVAL_MS);
    fail(new Error('Kafka is down'));
    lags.set(0, 500);
    await jest.advanceTimersByTimeAsync(100 * INTERVAL_MS);
    expect(fatal).toEqual([]);
    await watchdog.stop();
  });

  test('the gauge tells the lag by contract topic and forgets partitions that are gone', async () => {
    const { lags, metrics, watchdog } = bench();
    lags.set(0, 3).set(1, -1);
    await watchdog.start();
    await jest.advanceTimersByTimeAsync(INTERVAL_MS);
    expect((await metrics.lag.get()).values).toMatchObject([
      { labels: { topic: 't', partition: '0' }, value: 3 },
      { labels: { topic: 't', partition: '1' }, value: -1 },
    ]);
    lags.delete(1);
    await jest.advanceTimersByTimeAsync(INTERVAL_MS);
    expect((await metrics.lag.get()).values).toHaveLength(1);
    await watchdog.stop();
  });
});
