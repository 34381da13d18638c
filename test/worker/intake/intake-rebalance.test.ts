import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });

describe('an orderly rebalance', () => {
  test('waits for groups in flight, begins no others, and nothing resolved comes again', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupSizeMax: 10, commitIntervalMs: 60_000 });
    let isFirst = true;
    handler.delay = () => (isFirst ? door.opened : Promise.resolve());
    await intake.start();
    for (const partition of [0, 1]) source.append('t', partition, range(0, 50));
    source.assign();
    await waitFor(() => handler.groups.length === 2, soon('two in flight'));
    const rebalanced = source.rebalance();
    source.append('t', 0, range(50, 60));
    isFirst = false;
    door.open();
    await rebalanced;
    const offsets = [0, 1].map((partition) => ({ topic: 't', partition, offsetNext: 10 }));
    expect(source.commits).toEqual([{ epoch: 1, offsets }]);
    await waitFor(() => handler.resolved.length === 110, soon('all resolved'));
    expect(handler.groups.slice(0, 2).flat()).toHaveLength(20);
    await intake.stop();
    expect(handler.resolved).toHaveLength(110);
    expect([source.committed('t', 0), source.committed('t', 1), source.violations]).toEqual([60, 50, []]);
  });

  test('and a stop that meet each wait for the same groups', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupSizeMax: 10, commitIntervalMs: 60_000 });
    handler.delay = () => door.opened;
    await intake.start();
    for (const partition of [0, 1]) source.append('t', partition, range(0, 50));
    source.assign();
    await waitFor(() => handler.groups.length === 2, soon('two in flight'));
    const yielded = intake.yielding(source.epoch);
    const stopped = intake.stop();
    door.open();
    await Promise.all([yielded, stopped]);
    expect([source.committed('t', 0), source.committed('t', 1)]).toEqual([10, 10]);
    expect(handler.resolved).toHaveLength(20);
  });

  test('of a former epoch concerns nobody', async () => {
    const { source, handler, intake } = intakeBench();
    await intake.start();
    source.append('t', 0, range(0, 10));
    source.assign();
    await intake.yielding(0);
    await waitFor(() => handler.resolved.length === 10, soon('resolved'));
    await intake.stop();
  });
});
