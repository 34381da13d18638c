import fc from 'fast-check';
import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';
import { unavailable } from '../../support/worker/memory-record-source.ts';
import { nameOf } from '../../support/worker/scripted-handler.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });

describe('Intake', () => {
  test('every record is resolved once and committed, in partition order, within the bound of groups in flight', async () => {
    const scenario = fc.record({
      counts: fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 5 }),
      batchSizeMax: fc.integer({ min: 1, max: 80 }),
      groupSizeMax: fc.integer({ min: 1, max: 60 }),
      groupsInFlightMax: fc.integer({ min: 1, max: 4 }),
      bufferedRecordsMax: fc.integer({ min: 5, max: 500 }),
      retryEvery: fc.integer({ min: 2, max: 90 }),
      gapEvery: fc.integer({ min: 2, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        const { source, handler, intake, fatal } = intakeBench(given);
        source.batchSizeMax = given.batchSizeMax;
        const failedOnce = new Set<string>();
        handler.delay = (records) => new Promise((resolve) => setTimeout(resolve, (records[0]?.offset ?? 0) % 3));
        handler.retries = (record) => {
          if (record.offset % given.retryEvery !== 0 || failedOnce.has(nameOf(record))) return false;
          failedOnce.add(nameOf(record));
          return true;
        };
        const names: string[] = [];
        for (const [partition, count] of given.counts.entries()) {
          const offsets = range(0, count).map((index) => index + Math.floor(index / given.gapEvery));
          source.append('t', partition, offsets);
          names.push(...offsets.map((offset) => nameOf({ topic: 't', partition, offset })));
        }
        await intake.start();
        source.assign();
        await waitFor(() => source.committedAll(), soon('everything committed'));
        await intake.stop();
        expect([...handler.resolved].sort()).toEqual(names.sort());
        expect(handler.inFlightCountMax).toBeLessThanOrEqual(given.groupsInFlightMax);
        expect(Math.max(0, ...handler.groups.map((group) => group.length))).toBeLessThanOrEqual(given.groupSizeMax);
        for (const partition of given.counts.keys()) {
          const first = new Set<number>();
          for (const record of handler.groups.flat()) if (record.partition === partition) first.add(record.offset);
          expect([...first]).toEqual([...first].sort((a, b) => a - b));
        }
        expect(source.violations).toEqual([]);
        expect(fatal).toEqual([]);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test('a single record is handled at once when nothing is in flight', async () => {
    const { source, handler, intake } = intakeBench({ groupAgeMaxMs: 60_000 });
    await intake.start();
    source.append('t', 0, [0]);
    source.assign();
    await waitFor(() => handler.resolved.length === 1, soon('handled'));
    await intake.stop();
  });

  test('with a group in flight the next one waits for its size or its age', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupSizeMax: 10, groupAgeMaxMs: 60_000, groupsInFlightMax: 2 });
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, [0]);
    source.append('t', 1, []);
    source.assign();
    await waitFor(() => handler.groups.length === 1, soon('first group'));
    source.append('t', 1, range(0, 5));
    await waitFor(() => intake.state().bufferedCount === 6, soon('buffered'));
    expect(handler.groups).toHaveLength(1);
    source.append('t', 1, range(5, 10));
    await waitFor(() => handler.groups.length === 2, soon('second group by size'));
    expect(handler.groups[1]).toHaveLength(10);
    door.open();
    await intake.stop();
  });

  test('an incomplete group leaves by age while another is in flight', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupAgeMaxMs: 5, groupsInFlightMax: 2 });
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, [0]);
    source.append('t', 1, []);
    source.assign();
    await waitFor(() => handler.groups.length === 1, soon('first group'));
    source.append('t', 1, [0]);
    await waitFor(() => handler.groups.length === 2, soon('second group by age'));
    door.open();
    await intake.stop();
  });

  test('a partition that is in a group gives nothing to another one until it is back', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupSizeMax: 10, groupsInFlightMax: 3 });
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 40));
    source.append('t', 1, range(0, 10));
    source.assign();
    await waitFor(() => handler.groups.length === 2, soon('one group of each'));
    expect(handler.groups.map((group) => new Set(group.map(({ partition }) => partition)).size)).toEqual([1, 1]);
    expect(handler.inFlightCountMax).toBe(2);
    door.open();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
  });

  test('partitions take turns, however much one of them has', async () => {
    const { source, handler, intake } = intakeBench({ groupSizeMax: 30, groupsInFlightMax: 1 });
    source.batchSizeMax = 1000;
    await intake.start();
    source.append('t', 0, range(0, 500));
    source.append('t', 1, range(0, 500));
    source.append('t', 2, range(0, 4));
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    const first = new Set(handler.groups.slice(0, 3).flatMap((group) => group.map(({ partition }) => partition)));
    expect(first.size).toBe(3);
    await intake.stop();
  });

  test('a partition that must retry waits alone and its offset does not move', async () => {
    const { source, handler, intake } = intakeBench();
    let isDown = true;
    handler.retries = (record) => isDown && record.partition === 0 && record.offset === 3;
    await intake.start();
    source.append('t', 0, range(0, 5));
    source.append('t', 1, range(0, 400));
    source.assign();
    await waitFor(() => source.committed('t', 1) === 400, soon('the other partition is done'));
    await waitFor(
      () => handler.groups.flat().filter((one) => one.partition === 0 && one.offset === 3).length > 3,
      soon('retried'),
    );
    expect(source.committed('t', 0)).toBe(3);
    // The four others of the partition were resolved once and are not handled again with the one that fails.
    expect(handler.resolved.filter((name) => name.startsWith('t/0/'))).toHaveLength(4);
    isDown = false;
    await waitFor(() => source.committedAll(), soon('committed after the retry'));
    await intake.stop();
  });

  test('the delay between retries doubles, though others of the partition succeed', async () => {
    const { source, handler, intake } = intakeBench({ groupSizeMax: 1, retryDelayMinMs: 16, retryDelayMaxMs: 10_000 });
    const triedAtMs: number[] = [];
    handler.retries = (record) => {
      if (record.offset !== 0) return false;
      triedAtMs.push(performance.now());
      source.append('t', 0, [triedAtMs.length]);
      return true;
    };
    await intake.start();
    source.append('t', 0, [0]);
    source.assign();
    await waitFor(() => triedAtMs.length === 5, soon('five tries'));
    // The third to fifth waits are at least half of 32, 64, 128 ms; without doubling they would be at most 16.
    expect((triedAtMs[4] ?? 0) - (triedAtMs[3] ?? 0)).toBeGreaterThanOrEqual(63);
    await intake.stop();
  });

  test('a record that never resolves does not let its partition run away from it', async () => {
    const { source, handler, intake } = intakeBench({ bufferedRecordsMax: 100, retryDelayMaxMs: 2 });
    source.batchSizeMax = 10;
    handler.retries = (record) => record.offset === 0;
    await intake.start();
    source.append('t', 0, [0]);
    source.assign();
    for (let offset = 1; offset < 900 && !source.isPaused('t', 0); offset += 10) {
      source.append('t', 0, range(offset, offset + 10));
      await waitFor(
        () => handler.resolved.length === offset + 9 || source.isPaused('t', 0),
        soon('all but the one resolved'),
      );
    }
    await waitFor(() => handler.resolved.length === 400, soon('what was fetched is resolved'));
    expect(source.isPaused('t', 0)).toBe(true);
    await intake.stop();
    expect(source.committed('t', 0)).toBe(0);
  });

  test('buffers are bounded by pausing, and resumed', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ bufferedRecordsMax: 200, groupsInFlightMax: 1 });
    source.batchSizeMax = 20;
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 2000));
    source.append('t', 1, range(0, 2000));
    source.assign();
    await waitFor(() => source.isPaused('t', 0) && source.isPaused('t', 1), soon('paused'));
    expect(intake.state().bufferedCount).toBeLessThanOrEqual(200 + 2 * 20);
    door.open();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
  });

  test('large records pause a partition by their bytes', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ bufferedBytesMax: 50 });
    source.batchSizeMax = 1;
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 100));
    source.assign();
    await waitFor(() => source.isPaused('t', 0), soon('paused'));
    expect(intake.state().bufferedCount).toBeLessThanOrEqual(20);
    door.open();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
  });

  test('what a former epoch resolves is dropped: never committed, handled again by the next', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench();
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await waitFor(() => handler.groups.length === 1, soon('in flight'));
    source.revoke();
    expect(intake.state()).toMatchObject({ assigned: false, epoch: null, bufferedCount: 0, inFlightCount: 1 });
    source.assign();
    await waitFor(() => handler.groups.length === 2, soon('handled by the next epoch'));
    door.open();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
    expect(source.commits.map((commit) => commit.epoch)).toEqual([2]);
    expect(handler.groups.map((group) => group.length)).toEqual([10, 10]);
  });

  test('what a former epoch resolves is no progress', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench();
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await waitFor(() => handler.groups.length === 1, soon('in flight'));
    source.revoke();
    const { lastProgressAtMs } = intake.state();
    door.open();
    await waitFor(() => intake.state().inFlightCount === 0, soon('answered'));
    expect(intake.state().lastProgressAtMs).toBe(lastProgressAtMs);
    await intake.stop();
  });

  test('a failed commit is tried again', async () => {
    const { source, handler, intake, fatal } = intakeBench();
    source.commitErrors.push(unavailable(), unavailable());
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    await intake.stop();
    expect(handler.resolved).toHaveLength(10);
    expect(fatal).toEqual([]);
  });

  test('nothing is committed when nothing changed', async () => {
    const { source, handler, intake } = intakeBench();
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await waitFor(() => source.committedAll(), soon('committed'));
    const commitCount = source.commits.length;
    source.append('t', 1, [0]);
    source.assign();
    await waitFor(() => source.committed('t', 1) === 1, soon('some intervals later'));
    expect(source.commits.slice(commitCount).flatMap((commit) => commit.offsets)).toEqual([
      { topic: 't', partition: 1, offsetNext: 1 },
    ]);
    expect(handler.resolved).toHaveLength(11);
    await intake.stop();
  });

  test('retries and failing dependencies count as answers of the partition', async () => {
    const { source, handler, intake } = intakeBench();
    handler.retries = () => true;
    await intake.start();
    source.append('t', 0, [0]);
    source.assign();
    const assignedAtMs = intake.partitions()[0]?.lastAnswerAtMs ?? 0;
    await waitFor(() => (intake.partitions()[0]?.lastAnswerAtMs ?? 0) > assignedAtMs, soon('answered'));
    expect(intake.state().lastProgressAtMs).toBeLessThanOrEqual(assignedAtMs);
    await intake.stop();
  });
});
