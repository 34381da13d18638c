import fc from 'fast-check';
import { AppError, PublishError } from '../../../src/errors.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { OutboxPressure } from '../../../src/worker/outbox/outbox-pressure.ts';
import { OutboxRelay, type OutboxRelayOptions } from '../../../src/worker/outbox/outbox-relay.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate, range, silentLog } from '../../support/worker/intake-bench.ts';
import { MemoryOutboxStore, MemoryPublisher, messageOf } from '../../support/worker/memory-outbox.ts';
import { unavailable } from '../../support/worker/memory-record-source.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });
const patiently = (what: string) => ({ deadlineMs: 30_000, what });
const refused = () => new AppError('PUBLISH_REFUSED', 'too large');

const OPTIONS: OutboxRelayOptions = {
  leaseMs: 60_000,
  pollIntervalMs: 3,
  gatherMs: 1,
  claimRowsMax: 7,
  queuedMessagesMax: 1000,
  publishMsMax: 100,
  publishMessagesMax: 50,
  laneMessagesMax: 1000,
  sickLaneMessagesMax: 20,
  backoffMinMs: 1,
  backoffMaxMs: 50,
  purgeIntervalMs: 60_000,
  purgeRowsMax: 5,
  statsIntervalMs: 60_000,
  stopDeadlineMs: 1000,
};

function bench(options: Partial<OutboxRelayOptions> = {}) {
  const store = new MemoryOutboxStore();
  const publisher = new MemoryPublisher();
  const metrics = new Metrics();
  const pressure = new OutboxPressure({ highWaterMessages: 1000, metrics, log: silentLog });
  const relay = new OutboxRelay({
    store,
    publisher,
    pressure,
    metrics,
    log: silentLog,
    topicLabel: (topic) => topic.replace('pre.', ''),
    options: { ...OPTIONS, ...options },
  });
  return { store, publisher, pressure, metrics, relay };
}

async function sumOf(metrics: Metrics, name: string): Promise<number> {
  const metric = await metrics.registry.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, one) => sum + one.value, 0) ?? 0;
}

describe('OutboxRelay', () => {
  test('every message is acknowledged exactly once, whatever fails for a while, and rows are marked only then', async () => {
    const scenario = fc.record({
      rowSizes: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 }),
      topicCount: fc.integer({ min: 1, max: 6 }),
      failuresMax: fc.integer({ min: 0, max: 5 }),
      refusedEvery: fc.integer({ min: 3, max: 30 }),
      markFailures: fc.integer({ min: 0, max: 3 }),
      queuedMessagesMax: fc.integer({ min: 1, max: 400 }),
      sickLaneMessagesMax: fc.integer({ min: 1, max: 40 }),
      // Short: much is given back. Long: much is tried again from memory. What a lease leaves beside the longest call must
      // be more than a busy machine takes from one turn of the loop to the next, or no call ever begins.
      leaseMs: fc.constantFrom(OPTIONS.publishMsMax + 30, OPTIONS.publishMsMax + 100, 60_000),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { queuedMessagesMax, sickLaneMessagesMax, leaseMs } = given;
        const { store, publisher, relay } = bench({ queuedMessagesMax, sickLaneMessagesMax, leaseMs });
        const tryCounts = new Map<string, number>();
        publisher.refuse = ({ key }) => {
          const [row, one] = key.split('/').map(Number);
          if ((row ?? 0) % given.refusedEvery === 0 && one === 0) return refused();
          const tryCount = (tryCounts.get(key) ?? 0) + 1;
          tryCounts.set(key, tryCount);
          return tryCount <= ((row ?? 0) * 7 + (one ?? 0)) % (given.failuresMax + 1) ? unavailable() : null;
        };
        for (let count = 0; count < given.markFailures; count += 1) store.markErrors.push(unavailable());
        await relay.start();
        for (const [index, size] of given.rowSizes.entries()) {
          const messages = range(0, size).map((one) => messageOf(`${index + 1}/${one}`, `t${one % given.topicCount}`));
          relay.offer([store.write(messages)]);
        }
        await waitFor(() => {
          store.endLeases();
          return store.countIn('published') + store.countIn('dead') === given.rowSizes.length;
        }, patiently('all decided'));
        await relay.stop();
        const isRefused = (row: number) => row % given.refusedEvery === 0;
        const expected = given.rowSizes.flatMap((size, index) =>
          range(isRefused(index + 1) ? 1 : 0, size).map((one) => `${index + 1}/${one}`),
        );
        expect(publisher.acknowledged.map(({ key }) => key).sort()).toEqual(expected.sort());
        expect(publisher.overlapCount).toBe(0);
        for (const id of store.rows.keys()) {
          expect([id, store.rows.get(id)?.state]).toEqual([id, isRefused(Number(id)) ? 'dead' : 'published']);
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  }, 60_000);

  test('a completion is timed from the receipt of its last input to its acknowledgement, not while it fails', async () => {
    const { store, publisher, metrics, relay } = bench({ leaseMs: 400 });
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
    const { store, publisher, relay } = bench({ leaseMs: 400 });
    let isDown = true;
    publisher.refuse = ({ key }) => (key === 'bad' ? refused() : isDown ? unavailable() : null);
    relay.offer([store.write([messageOf('bad'), messageOf('good')])]);
    await waitFor(() => store.countIn('due') === 1, soon('put back'));
    isDown = false;
    await relay.start();
    await waitFor(() => store.countIn('dead') === 1, soon('dead in the end'));
    expect(publisher.acknowledged.map((message) => message.key)).toEqual(['good']);
    expect(store.rows.get('1')?.acknowledged).toEqual([1]);
    await relay.stop();
  });

  test('a destination that takes nothing delays what goes there and nothing else', async () => {
    const { store, publisher, metrics, relay } = bench({ leaseMs: 400 });
    publisher.refuse = ({ topic }) => (topic === 'sick' ? new PublishError('UNAVAILABLE', '', { reason: 'x' }) : null);
    await relay.start();
    const rows = range(0, 30).map((one) => store.write([messageOf(`${one}a`), messageOf(`${one}b`, 'sick')]));
    const others = range(0, 30).map((one) => store.write([messageOf(`${one}c`)]));
    for (const row of [...rows, ...others]) relay.offer([row]);
    await waitFor(() => store.countIn('published') === 30 && publisher.acknowledged.length === 60, soon('the others'));
    await waitFor(() => [...store.rows.values()].some(({ attempts }) => attempts > 2), soon('tries'));
    expect((await metrics.sickDestinations.get()).values).toMatchObject([
      { labels: { topic: 'sick', reason: 'x' }, value: 1 },
    ]);
    expect(publisher.acknowledged).toHaveLength(60);
    publisher.refuse = () => null;
    await waitFor(() => store.countIn('published') === 60, soon('all'));
    expect(publisher.acknowledged).toHaveLength(90);
    expect((await metrics.sickDestinations.get()).values).toEqual([]);
    await relay.stop();
  });

  test('a destination that hangs holds up what goes there and nothing else', async () => {
    const door = gate();
    const { store, publisher, relay } = bench({ leaseMs: 300 });
    publisher.doors.set('hung', door.opened);
    const first = store.write([messageOf('a', 'hung')]);
    relay.offer([first]);
    await waitFor(() => publisher.calls.length === 1, soon('on its way'));
    const behind = store.write([messageOf('b'), messageOf('c', 'hung')]);
    for (const row of [behind, ...range(0, 40).map((one) => store.write([messageOf(`o${one}`)]))]) relay.offer([row]);
    await waitFor(() => store.countIn('published') === 40, soon('the others'));
    // In time before its lease ends, with what was acknowledged: so whoever claims it next sends the rest alone.
    await waitFor(() => store.rows.get('2')?.state === 'due', soon('given back'));
    expect(store.rows.get('2')?.acknowledged).toEqual([0]);
    door.open();
    await relay.start();
    await waitFor(() => store.countIn('published') === 42, soon('all'));
    expect(publisher.acknowledged).toHaveLength(43);
    await relay.stop();
  });

  test('no row is ever given up for what passes with time, however often it fails beside others that pass', async () => {
    const { store, publisher, relay } = bench({ leaseMs: 110, backoffMaxMs: 2 });
    publisher.refuse = ({ key }) => (key === 'stuck' ? unavailable() : null);
    await relay.start();
    relay.offer([store.write([messageOf('stuck', 'other')])]);
    const others = setInterval(() => relay.offer([store.write([messageOf('fine')])]), 5);
    await waitFor(() => (store.rows.get('1')?.attempts ?? 0) > 25, soon('tried often'));
    clearInterval(others);
    expect(store.countIn('dead')).toBe(0);
    publisher.refuse = () => null;
    await waitFor(() => store.countIn('due') + store.countIn('leased') === 0, soon('published'));
    await relay.stop();
  });

  test('a row that comes back from another process is sent without what that one had acknowledged', async () => {
    const { store, publisher, relay } = bench();
    const row = store.write([messageOf('a'), messageOf('b'), messageOf('c')], 'due');
    await store.reschedule([{ id: row.id, error: 'x', delayMs: 0, dead: false, acknowledged: [0, 2] }]);
    await relay.start();
    await waitFor(() => store.countIn('published') === 1, soon('published'));
    expect(publisher.acknowledged.map(({ key }) => key)).toEqual(['b']);
    await relay.stop();
  });

  test('the intake is told when too much waits, and again when half of it is gone', async () => {
    const { store, pressure, relay } = bench({ statsIntervalMs: 2, pollIntervalMs: 60_000 });
    const told: boolean[] = [];
    pressure.onChange((isHigh) => told.push(isHigh));
    const rows = range(0, 11).map((one) => store.write(range(0, 100).map((each) => messageOf(`${one}/${each}`))));
    await relay.start();
    await waitFor(() => told.length === 1, soon('high'));
    await store.markPublished(rows.slice(0, 4).map(({ id }) => id));
    await waitFor(() => store.statsCount > 20, soon('measured at 700'));
    expect(told).toEqual([true]);
    await store.markPublished(rows.slice(4, 7).map(({ id }) => id));
    await waitFor(() => told.length === 2, soon('low'));
    expect(told).toEqual([true, false]);
    await relay.stop();
  });

  test('a publisher that rejects as a whole costs no row its life', async () => {
    const { store, publisher, relay } = bench({ leaseMs: 300 });
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

  test('rows published one after the other are marked together, and a stop waits for no others', async () => {
    const { store, publisher, relay } = bench({ gatherMs: 60_000 });
    const mark = jest.spyOn(store, 'markPublished');
    for (const count of range(1, 6)) {
      relay.offer([store.write([messageOf(`a/${count}`, 'a')])]);
      await waitFor(() => publisher.acknowledged.length === count, soon('published'));
    }
    expect(store.countIn('published')).toBe(0);
    await relay.stop();
    expect(store.countIn('published')).toBe(5);
    expect(mark).toHaveBeenCalledTimes(1);
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

  test('no request begins that would not end within the lease', async () => {
    const { store, publisher, relay } = bench({ leaseMs: 10_000, publishMsMax: 8_000 });
    const nowMs = performance.now();
    relay.offer([{ ...store.write([messageOf('late')]), heldSinceMs: nowMs - 2_001 }]);
    relay.offer([{ ...store.write([messageOf('fresh')]), heldSinceMs: nowMs - 1_000 }]);
    await waitFor(() => store.countIn('published') === 1 && store.countIn('due') === 1, soon('decided'));
    expect(publisher.calls.flat().map(({ key }) => key)).toEqual(['fresh']);
    await relay.start();
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
