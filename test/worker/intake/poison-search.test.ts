import type { InboundRecord } from '../../../src/domain/ports.ts';
import { AppError } from '../../../src/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';
import { MemoryProgressStore } from '../../support/worker/memory-progress-store.ts';
import { MemoryRecordSource, unavailable } from '../../support/worker/memory-record-source.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });
const never = new Promise<void>(() => {});

/** As a process leaves it that was killed with these records in hand. */
async function leftInHand(
  from: number,
  to: number,
): Promise<{ source: MemoryRecordSource; marks: MemoryProgressStore }> {
  const marks = new MemoryProgressStore();
  marks.owner = 'killed';
  await marks.begin([{ topic: 't', partition: 0, offsetNext: from }]);
  await marks.mark([{ topic: 't', partition: 0, offsetFrom: from, offsetEnd: to }]);
  marks.owner = 'next';
  marks.markCallCount = 0;
  return { source: new MemoryRecordSource(marks), marks };
}

/**
 * Lives until a record is handled that ends processes, then is left as a killed process is: nothing of it goes on.
 * True when it did everything instead.
 */
async function live(
  source: MemoryRecordSource,
  marks: MemoryProgressStore,
  isFatal: (record: InboundRecord) => boolean,
  options = {},
) {
  marks.owner = `life ${marks.owner}`;
  const bench = intakeBench(options, { source, marks });
  let isDead = false;
  bench.handler.delay = (records) => {
    isDead ||= records.some(isFatal);
    return isDead ? never : Promise.resolve();
  };
  await bench.intake.start();
  source.assign();
  await waitFor(() => isDead || source.committedAll(), soon('dead or done'));
  // The dead do not stop in order; their timers would only keep the test alive.
  const left = structuredClone([...marks.rows]);
  const handledCount = bench.handler.groups.flat().length;
  await bench.intake.stop();
  if (isDead) {
    marks.rows.clear();
    for (const [name, row] of left) marks.rows.set(name, row);
  }
  source.stopCount = 0;
  return { ...bench, isDead, handledCount };
}

describe('poison search', () => {
  const isPoison = (record: InboundRecord) => record.partition === 0 && record.offset === 7;

  test('a record that ends the process is set aside after three crashes, and nothing else is', async () => {
    const marks = new MemoryProgressStore();
    const source = new MemoryRecordSource(marks);
    source.append('t', 0, range(0, 40));
    source.append('t', 1, range(0, 40));
    let lives = await live(source, marks, isPoison, { drainDeadlineMs: 5, groupSizeMax: 100 });
    let crashCount = 0;
    for (; lives.isDead && crashCount < 10; crashCount += 1) {
      lives = await live(source, marks, isPoison, { drainDeadlineMs: 5, groupSizeMax: 100 });
    }
    expect(crashCount).toBe(3);
    expect(lives.handler.setAsideRecords).toMatchObject([
      { record: { partition: 0, offset: 7 }, reason: 'crashed_process', attempts: 2 },
    ]);
    expect(source.committedAll()).toBe(true);
    expect(source.violations).toEqual([]);
  });

  test('exactly what was in hand at an unclean end is handled one at a time', async () => {
    const { source, marks } = await leftInHand(0, 20);
    source.append('t', 0, range(0, 100));
    const { handler, isDead } = await live(source, marks, () => false);
    expect(isDead).toBe(false);
    expect(handler.groups.slice(0, 20).map((group) => group.length)).toEqual(new Array(20).fill(1));
    expect(handler.groups[20]?.length).toBeGreaterThan(1);
    expect(marks.markRecordCallCount).toBe(20);
  });

  test('a worker that was killed with nothing in hand costs its successor nothing', async () => {
    const marks = new MemoryProgressStore();
    const source = new MemoryRecordSource(marks);
    source.append('t', 0, range(0, 10));
    source.append('t', 1, []);
    const idle = intakeBench({}, { source, marks });
    await idle.intake.start();
    source.assign();
    await waitFor(() => source.committedAll(), soon('nothing in hand'));
    const left = structuredClone([...marks.rows]);
    await idle.intake.stop();
    source.stopCount = 0;
    marks.rows.clear();
    for (const [name, row] of left) marks.rows.set(name, row);

    source.append('t', 0, range(10, 300));
    source.append('t', 1, range(0, 300));
    marks.markCallCount = 0;
    const { handler } = await live(source, marks, () => false, { groupSizeMax: 100 });
    expect(marks.markRecordCallCount).toBe(0);
    expect(handler.groups.filter((group) => group.length === 1)).toEqual([]);
    // The first stretches of both partitions are marked, and nothing behind them.
    expect(marks.markCallCount).toBeLessThanOrEqual(2);
    expect(marks.markedCount()).toBe(0);
  });

  test('what the database knows to be settled is no suspect again', async () => {
    const { source, marks } = await leftInHand(0, 10);
    source.append('t', 0, range(0, 10));
    // Kafka does not know yet what the database knows.
    await marks.markRecord({ topic: 't', partition: 0, offset: 6 });
    marks.owner = 'next but one';
    marks.markRecordCallCount = 0;
    await live(source, marks, () => false);
    expect(marks.markRecordCallCount).toBe(4);
  });

  test('a store that hangs holds up the first group for a moment and nothing after that', async () => {
    const { source, marks, intake } = intakeBench();
    const door = gate();
    marks.hang = door.opened;
    await intake.start();
    source.append('t', 0, range(0, 500));
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    expect(marks.markCallCount).toBe(1);
    door.open();
    await intake.stop();
  });

  test('a partition under search does not hold up the others', async () => {
    const { source, marks } = await leftInHand(0, 10);
    source.append('t', 0, range(0, 10));
    source.append('t', 1, range(0, 500));
    const door = gate();
    const { intake, handler } = intakeBench({}, { source, marks });
    handler.delay = (records) => (records[0]?.partition === 0 ? door.opened : Promise.resolve());
    await intake.start();
    source.assign();
    await waitFor(() => source.committed('t', 1) === 500, soon('the other partition'));
    expect(source.committed('t', 0)).toBe(0);
    door.open();
    await waitFor(() => source.committedAll(), soon('all'));
    await intake.stop();
  });

  test('a transient failure during the search is not mistaken for a crash', async () => {
    const { source, marks } = await leftInHand(0, 10);
    source.append('t', 0, range(0, 3));
    const { intake, handler } = intakeBench({}, { source, marks });
    let failuresLeft = 5;
    handler.retries = () => {
      failuresLeft -= 1;
      return failuresLeft >= 0;
    };
    await intake.start();
    source.assign();
    await waitFor(() => source.committedAll(), soon('all'));
    await intake.stop();
    expect(handler.setAsideRecords).toEqual([]);
    expect(marks.markRecordCallCount).toBe(3);
  });

  test('a clean stop leaves no mark, so the next owner works in groups', async () => {
    const marks = new MemoryProgressStore();
    const source = new MemoryRecordSource(marks);
    source.append('t', 0, range(0, 10));
    const first = intakeBench({}, { source, marks });
    first.handler.retries = () => true;
    await first.intake.start();
    source.assign();
    await waitFor(() => first.handler.groups.length > 1, soon('working without progress'));
    expect(marks.markedCount()).toBe(1);
    await first.intake.stop();
    expect(marks.markedCount()).toBe(0);
  });

  test('a clean revocation leaves no mark', async () => {
    const marks = new MemoryProgressStore();
    const source = new MemoryRecordSource(marks);
    source.append('t', 0, range(0, 10));
    const { intake, handler } = intakeBench({}, { source, marks });
    handler.retries = () => true;
    await intake.start();
    source.assign();
    await waitFor(() => handler.groups.length > 0, soon('working'));
    source.revoke();
    await waitFor(() => marks.markedCount() === 0, soon('forgotten'));
    await intake.stop();
  });

  test('progress leaves no mark', async () => {
    const { source, marks, intake } = intakeBench();
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    await waitFor(() => marks.markedCount() === 0, soon('forgotten'));
    await intake.stop();
  });

  test('a handler that throws is found like a crash: the mark stays', async () => {
    const marks = new MemoryProgressStore();
    const source = new MemoryRecordSource(marks);
    source.append('t', 0, range(0, 10));
    const { intake, handler, fatal } = intakeBench({}, { source, marks });
    handler.delay = () => Promise.reject(new Error('a bug'));
    await intake.start();
    source.assign();
    await waitFor(() => fatal.length > 0, soon('fatal'));
    await intake.stop();
    expect(marks.markedCount()).toBe(1);
  });

  test('a store of marks that is unavailable for a while delays the records, one that fails for good does not', async () => {
    for (const errors of [[unavailable(), unavailable()], [new AppError('STORE_FAILED', 'no such table')]]) {
      const { source, marks, handler, intake, fatal } = intakeBench();
      marks.errors.push(...errors);
      await intake.start();
      source.append('t', 0, range(0, 10));
      source.assign();
      await waitFor(() => source.committedAll(), soon('committed'));
      await intake.stop();
      expect(handler.resolved).toHaveLength(10);
      expect(fatal).toEqual([]);
    }
  });

  test('a store that fails during the search delays the record; one that cannot answer ends the search', async () => {
    const { source, marks } = await leftInHand(0, 40);
    source.append('t', 0, range(0, 60));
    const { intake, handler } = intakeBench({}, { source, marks });
    handler.delay = async (records) => {
      if (records[0]?.offset === 2) marks.errors.push(unavailable());
      if (records[0]?.offset === 4) marks.errors.push(new AppError('STORE_FAILED', 'gone'));
    };
    await intake.start();
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
    expect(handler.resolved).toHaveLength(60);
    expect(handler.groups.filter((group) => group.length === 1).length).toBeLessThan(10);
  });
});
