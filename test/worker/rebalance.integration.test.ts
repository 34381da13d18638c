/**
 * Workers that come and go while there is work. Each group that was handled is a line in a worker's log, so what was
 * handled twice is counted record by record: in orderly life, nothing is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WireMessage } from '../../src/contract/message.ts';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

const GRACE_MS = 10_000;
const SLOTS = 50;

jest.setTimeout(90_000);

describe('workers that come and go', () => {
  let fixture: WorkerFixture;
  const workers: WorkerProgram[] = [];
  let sentCount = 0;
  let batchCount = 0;

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 6 });
  });
  afterAll(() => fixture?.close());

  /** Small slow groups, so that there is always one under way. */
  const launch = async (instance: string, env: Record<string, string> = {}) => {
    const worker = await fixture.launchReady(instance, {
      program: 'test/support/worker/worker-with-faults.ts',
      env: { ELS_TEST_HANDLE_DELAY_MS: '40', GROUP_SIZE_MAX: '20', SHUTDOWN_GRACE_MS: String(GRACE_MS), ...env },
    });
    workers.push(worker);
    return worker;
  };
  const send = async (batches: number) => {
    const load: WireMessage[] = Array.from({ length: batches }, (_, index) => `b${batchCount + index}-`).flatMap(
      (batch) => [fixture.inputs.registration(batch, SLOTS), ...fixture.inputs.contents(batch, SLOTS)],
    );
    sentCount += load.length;
    batchCount += batches;
    await fixture.send(load);
  };
  /** Keeps everybody busy until it is done. */
  const sendUntil = async <T>(done: Promise<T>): Promise<T> => {
    let isDone = false;
    const finished = done.finally(() => {
      isDone = true;
    });
    while (!isDone) await Promise.all([send(2), Promise.race([finished, sleep(250)])]);
    return finished;
  };
  const hasHandled = (worker: WorkerProgram, count: number) =>
    waitFor(() => worker.handled().length >= count, { deadlineMs: 30_000, what: `${count} records handled` });
  const twice = (records: readonly string[]) => {
    const seen = new Set<string>();
    return records.filter((record) => seen.size === seen.add(record).size);
  };

  test('a busy worker that is told to stop says so, ends what it has begun, commits exactly that, and exits 0', async () => {
    await send(4);
    const worker = await launch('alone', { ELS_TEST_HANDLE_DELAY_MS: '800' });
    await hasHandled(worker, 1);
    worker.kill('SIGTERM');
    await waitFor(() => worker.messages().includes('stopping'), { deadlineMs: 10_000, what: 'a worker that stops' });
    const ready = await worker.get('/ready');
    expect([ready.status, (ready.json() as { status: string }).status]).toEqual([503, 'draining']);
    expect((await worker.get('/live')).status).toBe(200);
    const startedAtMs = performance.now();
    expect(await worker.exited()).toBe(0);
    expect(performance.now() - startedAtMs).toBeLessThan(GRACE_MS);

    const handled = worker.handled();
    expect(handled.length).toBeLessThan(sentCount);
    const offsets = [...(await fixture.offsets())];
    expect(offsets.reduce((sum, [, { committed }]) => sum + committed, 0)).toBe(handled.length);
    for (const [partition, { committed }] of offsets) {
      expect(handled.filter((record) => record.startsWith(`${partition}/`))).toHaveLength(committed);
    }
    expect(await fixture.count('partition_progress where marked_by is not null')).toBe(0);
  });

  test('a second worker joins a busy one, the first leaves, and no record is handled twice', async () => {
    const first = await launch('first');
    await hasHandled(first, 1);
    const second = await sendUntil(launch('second'));
    await sendUntil(hasHandled(second, 1));
    const { code, tookMs } = await sendUntil(first.stop());
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(GRACE_MS);
    await fixture.settled();

    const handled = workers.flatMap((worker) => worker.handled());
    expect(twice(handled)).toEqual([]);
    expect(handled).toHaveLength(sentCount);
    expect(await second.metric('els_inputs_total')).toBe(second.handled().length);
    expect(await second.metric('els_rebalances_total')).toBeGreaterThanOrEqual(2);
  });

  test('every batch is complete, every text has one slot and one event', async () => {
    expect(await fixture.count(`batches where state = 'complete'`)).toBe(batchCount);
    const assigned = await fixture.events(fixture.topics.slotAssigned);
    expect(new Set(assigned.map(({ data }) => data['text_storage_id'])).size).toBe(batchCount * SLOTS);
    expect(new Set(assigned.map(({ event_id }) => event_id)).size).toBe(batchCount * SLOTS);
    const completed = await fixture.events(fixture.topics.completed);
    expect(new Set(completed.map(({ event_id }) => event_id)).size).toBe(batchCount);
    expect(await fixture.count('excess_contents')).toBe(0);
  });

  test.each([
    ['whose hints know everything', 'true'],
    ['without hints', 'false'],
  ])('a replay of everything by a worker %s changes no row and makes no event', async (_name, HINTS_ENABLED) => {
    await workers.at(-1)?.stop();
    const digest = await fixture.digest();
    const events = async () => {
      const records = await fixture.tail.complete();
      return records.map(({ value }) => JSON.parse(String(value)).event_id as string);
    };
    const before = await events();
    await fixture.rewind();
    expect([...(await fixture.offsets()).values()].every(({ committed }) => committed === 0)).toBe(true);

    const worker = await launch('replaying', {
      ELS_TEST_HANDLE_DELAY_MS: '0',
      GROUP_SIZE_MAX: '500',
      HINTS_ENABLED,
    });
    await fixture.settled();
    expect(worker.handled()).toHaveLength(sentCount);
    expect(await fixture.digest()).toBe(digest);
    expect(await events()).toEqual(before);
    const { text } = await worker.get('/metrics');
    const dispositions = new Set(
      [...text.matchAll(/^els_inputs_total\{.*disposition="(\w+)"/gm)].map(([, one]) => one),
    );
    expect([...dispositions]).toEqual(['duplicate']);
    const confirmed = /^els_hints_total\{result="confirmed"\} (\d+)/m.exec(text)?.[1];
    expect(Number(confirmed) > 0).toBe(HINTS_ENABLED === 'true');
    expect(await worker.metric('els_reconciler_repairs_total')).toBe(0);
  });
});
