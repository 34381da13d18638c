import fc from 'fast-check';
import { AppError } from '../../../src/errors.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { OutboxRelay, type OutboxRelayOptions } from '../../../src/worker/outbox/outbox-relay.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate, range, silentLog } from '../../support/worker/intake-bench.ts';
import { MemoryOutboxStore, MemoryPublisher, messageOf } from '../../support/worker/memory-outbox.ts';
import { unavailable } from '../../support/worker/memory-record-source.ts';

const soon = (what: string) => ({ deadlineMs: 5000, what });
const refused = () => new AppError('PUBLISH_REFUSED', 'too large');

const OPTIONS: OutboxRelayOptions = {
  leaseMs: 60_000,
  pollIntervalMs: 3,
  claimRowsMax: 7,
  queuedMessagesMax: 1000,
  publishMessagesMax: 50,
  backoffMinMs: 1,
  backoffMaxMs: 1000,
  attemptsMax: 4,
  purgeIntervalMs: 60_000,
  purgeRowsMax: 5,
  statsIntervalMs: 60_000,
  stopDeadlineMs: 1000,
};

function bench(options: Partial<OutboxRelayOptions> = {}) {
  const store = new MemoryOutboxStore();
  const publisher = new MemoryPublisher();
  const metrics = new Metrics();
  const relay = new OutboxRelay({
    store,
    publisher,
    metrics,
    log: silentLog,
    topicLabel: (topic) => topic.replace('pre.', ''),
    options: { ...OPTIONS, ...options },
  });
  return { store, publisher, metrics, relay };
}

async function sumOf(metrics: Metrics, name: string): Promise<number> {
  const metric = await metrics.registry.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, one) => sum + one.value, 0) ?? 0;
}

describe('OutboxRelay', () => {
  test('every row is published in full or dead, whatever fails for a while, and is marked only then', async () => {
    const scenario = fc.record({
      rowSizes: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 }),
      failuresMax: fc.integer({ min: 0, max: 5 }),
      deadEvery: fc.integer({ min: 3, max: 30 }),
      markFailures: fc.integer({ min: 0, max: 3 }),
      queuedMessagesMax: fc.integer({ min: 1, max: 400 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { store, publisher, relay } = bench({ queuedMessagesMax: given.queuedMessagesMax, attemptsMax: 50 });
        const tryCounts = new Map<string, number>();
        publisher.refuse = ({ key }) => {
          const [row, one] = key.split('/').map(Number);
          if ((row ?? 0) % given.deadEvery === 0) return refused();
          const tryCount = (tryCounts.get(key) ?? 0) + 1;
          tryCounts.set(key, tryCount);
          return tryCount <= ((row ?? 0) * 7 + (one ?? 0)) % (given.failuresMax + 1) ? unavailable() : null;
        };
        for (let count = 0; count < given.markFailures; count += 1) store.markErrors.push(unavailable());
        await relay.start();
        for (const [index, size] of given.rowSizes.entries()) {
          const row = store.write(range(0, size).map((one) => messageOf(`${index + 1}/${one}`)));
          relay.offer([row]);
        }
        await waitFor(() => {
          store.endLeases();
          return store.countIn('published') + store.countIn('dead') === given.rowSizes.length;
        }, soon('all decided'));
        await relay.stop();
        const acknowledged = new Set(publisher.acknowledged.map((message) => message.key));
        for (const [index, size] of given.rowSizes.entries()) {
          const isDead = (index + 1) % given.deadEvery === 0;
          expect(store.rows.get(String(index + 1))?.state).toBe(isDead ? 'dead' : 'published');
          if (!isDead) for (const one of range(0, size)) expect(acknowledged).toContain(`${index + 1}/${one}`);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test('a completion is timed from the receipt of its last input to its acknowledgement, not while it fails', async () => {
    const { store, publisher, metrics, relay } = bench();
    publisher.refuse = ({ key }) => (key === 'a' ? unavailable() : null);
    const completion = (key: string) => ({
      ...store.write([messageOf(key)]),
      completersReceivedAtMs: [performance.now() - 2_000],
    });
    relay.offer([completion('a')]);
    await waitFor(() => store.countIn('due') === 1, soon('put back'));
    relay.offer([completion('b')]);
    await waitFor(() => store.countIn('published') === 1, soon('published'));
    const { values } = await metrics.completionLatency.get();
    const seriesOf = (end: string) => values.find(({ metricName }) => metricName?.endsWith(end))?.value;
    expect(seriesOf('_count')).toBe(1);
    expect(seriesOf('_sum')).toBeGreaterThanOrEqual(2);
    await relay.stop();
  });

  test('rows queued together go out in one call, in bounded calls when they are many', async () => {
    const { store, publisher, metrics, relay } = bench();
    for (const key of ['a', 'b', 'c']) relay.offer([store.write([messageOf(key)])]);
    await waitFor(() => store.countIn('published') === 3, soon('published'));
    expect(publisher.calls.map((call) => call.length)).toEqual([3]);
    for (const key of range(0, 120)) relay.offer([store.write([messageOf(String(key))])]);
    await waitFor(() => store.countIn('published') === 123, soon('published'));
    expect(publisher.calls.slice(1).map((call) => call.length)).toEqual([50, 50, 20]);
    const published = await metrics.published.get();
    expect(published.values).toMatchObject([{ labels: { topic: 't' }, value: 123 }]);
    await relay.stop();
  });

  test('a row that is refused for good is dead at once, and its neighbours are published', async () => {
    const { store, publisher, metrics, relay } = bench();
    publisher.refuse = ({ key }) => (key === 'bad' ? refused() : null);
    for (const key of ['a', 'bad', 'c']) relay.offer([store.write([messageOf(key)])]);
    await waitFor(() => store.countIn('published') === 2 && store.countIn('dead') === 1, soon('decided'));
    expect(publisher.calls).toHaveLength(1);
    expect(await sumOf(metrics, 'els_publish_failures_total')).toBe(1);
    await relay.stop();
  });

  test('a row with one refused and one failed message is tried again for the sake of the failed one', async () => {
    const { store, publisher, relay } = bench();
    let isDown = true;
    publisher.refuse = ({ key }) => (key === 'bad' ? refused() : isDown ? unavailable() : null);
    relay.offer([store.write([messageOf('bad'), messageOf('good')])]);
    await waitFor(() => store.countIn('due') === 1, soon('put back'));
    isDown = false;
    await relay.start();
    await waitFor(() => store.countIn('dead') === 1, soon('dead in the end'));
    expect(publisher.acknowledged.map((message) => message.key)).toEqual(['good']);
    await relay.stop();
  });

  test('a row that keeps failing is dead after the bound while others pass, with growing delays', async () => {
    const { store, publisher, relay } = bench();
    publisher.refuse = ({ key }) => (key === 'stuck' ? unavailable() : null);
    await relay.start();
    relay.offer([store.write([messageOf('stuck')])]);
    const others = setInterval(() => relay.offer([store.write([messageOf('other')])]), 5);
    await waitFor(() => store.countIn('dead') === 1, soon('dead'));
    clearInterval(others);
    expect(store.rows.get('1')?.attempts).toBe(4);
    expect(store.delaysMs[3]).toBeGreaterThan(store.delaysMs[0] ?? 0);
    await relay.stop();
  });

  test('an outage kills no row, however long it lasts', async () => {
    const { store, publisher, relay } = bench();
    publisher.refuse = () => unavailable();
    await relay.start();
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => (store.rows.get('1')?.attempts ?? 0) > 10, soon('tried far beyond the bound'));
    publisher.refuse = () => null;
    await waitFor(() => store.countIn('published') === 1, soon('published'));
    await relay.stop();
  });

  test('a publisher that rejects as a whole costs no row its life', async () => {
    const { store, publisher, relay } = bench();
    publisher.refuse = () => {
      throw new Error('a bug of the publisher');
    };
    await relay.start();
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => (store.rows.get('1')?.attempts ?? 0) > 2, soon('tried again'));
    expect(store.countIn('dead')).toBe(0);
    publisher.refuse = () => null;
    await waitFor(() => store.countIn('published') === 1, soon('published'));
    await relay.stop();
  });

  test('a failed mark repeats the mark, not the publication', async () => {
    const { store, publisher, relay } = bench();
    store.markErrors.push(unavailable(), unavailable());
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => store.countIn('published') === 1, soon('marked'));
    expect(publisher.acknowledged).toHaveLength(1);
    await relay.stop();
  });

  test('a mark that fails for good leaves the row to its lease', async () => {
    const { store, publisher, relay } = bench();
    store.markErrors.push(new AppError('STORE_FAILED', 'no'));
    await relay.start();
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => store.markErrors.length === 0, soon('given up'));
    store.endLeases();
    await waitFor(() => store.countIn('published') === 1, soon('published again'));
    expect(publisher.acknowledged).toHaveLength(2);
    await relay.stop();
  });

  test('the next rows are published while the database is slow to take the marks', async () => {
    const door = gate();
    const { store, publisher, relay } = bench();
    store.door = door.opened;
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => publisher.acknowledged.length === 1, soon('first'));
    relay.offer([store.write([messageOf('b')])]);
    await waitFor(() => publisher.acknowledged.length === 2, soon('second'));
    expect(store.countIn('published')).toBe(0);
    door.open();
    await waitFor(() => store.countIn('published') === 2, soon('marked'));
    await relay.stop();
  });

  test('a row in hand whose lease ended is not published twice by the same process', async () => {
    const door = gate();
    const { store, publisher, relay } = bench();
    publisher.door = door.opened;
    await relay.start();
    relay.offer([store.write([messageOf('a')])]);
    store.endLeases();
    await waitFor(() => store.countIn('leased') === 1, soon('claimed again'));
    door.open();
    await waitFor(() => store.countIn('published') === 1, soon('published'));
    expect(publisher.acknowledged).toHaveLength(1);
    await relay.stop();
  });

  test('a full queue refuses rows and the poll finds them later', async () => {
    const door = gate();
    const { store, publisher, relay } = bench({ queuedMessagesMax: 2, publishMessagesMax: 1 });
    publisher.door = door.opened;
    relay.offer(range(0, 5).map((key) => store.write([messageOf(String(key))])));
    await relay.start();
    door.open();
    await waitFor(() => store.countIn('published') === 2, soon('the two'));
    store.endLeases();
    await waitFor(() => store.countIn('published') === 5, soon('all'));
    await relay.stop();
  });

  test('rows of a dead process are found by the poll, many in one go', async () => {
    const { store, relay } = bench({ pollIntervalMs: 20 });
    for (const key of range(0, 100)) store.write([messageOf(String(key))], 'due');
    await relay.start();
    await waitFor(() => store.countIn('published') === 100, soon('published'));
    await relay.stop();
  });

  test('a row that waited for half of its lease is left to whoever polls when the lease ends', async () => {
    const { store, publisher, relay } = bench({ leaseMs: 10_000, pollIntervalMs: 20 });
    await relay.start();
    relay.offer([store.write([messageOf('late')])], performance.now() - 5_001);
    relay.offer([store.write([messageOf('fresh')])], performance.now() - 4_000);
    await waitFor(() => store.countIn('published') === 1, soon('the fresh one'));
    expect(publisher.calls.flat().map(({ key }) => key)).toEqual(['fresh']);
    store.endLeases();
    await waitFor(() => store.countIn('published') === 2, soon('the late one, by the poll'));
    await relay.stop();
  });

  test('stop publishes and marks what is queued, and takes nothing more', async () => {
    const { store, relay } = bench();
    await relay.start();
    for (const key of range(0, 200)) relay.offer([store.write([messageOf(String(key))])]);
    const stopped = relay.stop();
    expect(relay.stop()).toBe(stopped);
    relay.offer([store.write([messageOf('late')])]);
    await stopped;
    expect([store.countIn('published'), store.countIn('leased')]).toEqual([200, 1]);
  });

  test('stop does not wait for Kafka beyond its deadline', async () => {
    const door = gate();
    const { store, publisher, relay } = bench({ stopDeadlineMs: 20 });
    publisher.door = door.opened;
    relay.offer([store.write([messageOf('a')])]);
    await waitFor(() => publisher.calls.length === 1, soon('on its way'));
    await relay.stop();
    expect(store.countIn('leased')).toBe(1);
    door.open();
  });

  test('published rows are purged in bounded steps and the gauges tell the depth', async () => {
    const { store, metrics, relay } = bench({ purgeIntervalMs: 3, statsIntervalMs: 3, pollIntervalMs: 60_000 });
    for (const key of range(0, 23)) relay.offer([store.write([messageOf(String(key))])]);
    store.write([messageOf('waiting')]);
    await waitFor(() => store.countIn('published') === 23, soon('published'));
    await relay.start();
    await waitFor(() => store.purgedCount === 23, soon('purged'));
    await waitFor(async () => (await sumOf(metrics, 'els_outbox_unpublished')) === 1, soon('measured'));
    expect(await sumOf(metrics, 'els_outbox_oldest_age_seconds')).toBe(1);
    await relay.stop();
  });
});
