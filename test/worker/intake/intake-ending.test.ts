import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';
import { unavailable } from '../../support/worker/memory-record-source.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });

describe('the end of an intake', () => {
  test('stop lets groups in flight end, drops what was not started, commits what is resolved, then leaves', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({
      groupSizeMax: 10,
      groupsInFlightMax: 2,
      commitIntervalMs: 60_000,
    });
    handler.delay = () => door.opened;
    await intake.start();
    for (const partition of [0, 1]) source.append('t', partition, range(0, 50));
    source.assign();
    await waitFor(() => handler.groups.length === 2, soon('two in flight'));
    source.commitErrors.push(unavailable());
    const stopped = intake.stop();
    expect(intake.stop()).toBe(stopped);
    door.open();
    await stopped;
    expect(handler.resolved).toHaveLength(20);
    expect([source.committed('t', 0), source.committed('t', 1)]).toEqual([10, 10]);
    expect([source.stopCount, source.violations]).toEqual([1, []]);
  });

  test('a handler that never answers does not hold up the stop beyond its deadline', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ drainDeadlineMs: 30, groupSizeMax: 10 });
    handler.delay = (records) => (records[0]?.offset === 0 ? Promise.resolve() : door.opened);
    await intake.start();
    for (const partition of [0, 1]) source.append('t', partition, range(0, 50));
    source.assign();
    await waitFor(() => handler.groups.length === 4, soon('the second ones in flight'));
    await intake.stop();
    expect(source.committed('t', 0)).toBe(10);
    door.open();
    await waitFor(() => handler.inFlightCount === 0, soon('too late'));
    expect([source.committed('t', 0), source.violations]).toEqual([10, []]);
  });

  test('a handler that throws ends the process, once, and its records stay uncommitted', async () => {
    const { source, handler, intake, fatal } = intakeBench({ groupSizeMax: 10 });
    handler.delay = (records) => (records[0]?.offset === 20 ? Promise.reject(new Error('a bug')) : Promise.resolve());
    await intake.start();
    source.append('t', 0, range(0, 100));
    source.assign();
    await waitFor(() => fatal.length > 0, soon('fatal'));
    source.crash(new Error('and then'));
    await intake.stop();
    expect(fatal.map((error) => error.message)).toEqual(['a bug']);
    expect(source.committed('t', 0)).toBe(20);
  });

  test('a source that crashed ends the process', async () => {
    const { source, intake, fatal } = intakeBench();
    await intake.start();
    source.crash(new Error('not coming back'));
    expect(fatal.map((error) => error.message)).toEqual(['not coming back']);
    await intake.stop();
  });

  test('an answer of the wrong length ends the process', async () => {
    const { source, intake, fatal } = intakeBench(
      {},
      { handler: { handle: async () => [], setAside: () => Promise.reject(new Error('unused')) } },
    );
    await intake.start();
    source.append('t', 0, [0]);
    source.assign();
    await waitFor(() => fatal.length > 0, soon('fatal'));
    await intake.stop();
    expect(source.committed('t', 0)).toBe(0);
  });
});
