import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });

describe('an intake that is held', () => {
  test('ends and commits what is in flight, begins and fetches nothing more, and goes on when it is released', async () => {
    const door = gate();
    const { source, handler, intake } = intakeBench({ groupSizeMax: 10, groupsInFlightMax: 1 });
    handler.delay = () => door.opened;
    await intake.start();
    source.append('t', 0, range(0, 40));
    source.assign();
    await waitFor(() => handler.groups.length === 1, soon('in flight'));
    intake.hold('outbox_full');
    expect(intake.state().heldBecause).toBe('outbox_full');
    door.open();
    await waitFor(() => source.committed('t', 0) === 10, soon('committed'));
    const heldAtMs = performance.now();
    source.append('t', 0, range(40, 80));
    // Nobody may take it for silent meanwhile.
    await waitFor(() => (intake.partitions()[0]?.lastAnswerAtMs ?? 0) > heldAtMs, soon('known to wait'));
    expect(handler.groups).toHaveLength(1);
    intake.release();
    await waitFor(() => source.committed('t', 0) === 80, soon('all'));
    expect(intake.state().heldBecause).toBeNull();
    await intake.stop();
    expect(source.violations).toEqual([]);
  });

  test('stays so over a rebalance, and can be stopped', async () => {
    const { source, handler, intake } = intakeBench();
    await intake.start();
    intake.hold('outbox_full');
    source.append('t', 0, range(0, 40));
    source.assign();
    const assignedAtMs = performance.now();
    await waitFor(() => (intake.partitions()[0]?.lastAnswerAtMs ?? 0) > assignedAtMs, soon('known to wait'));
    expect(handler.groups).toEqual([]);
    await intake.stop();
    expect([source.stopCount, source.violations]).toEqual([1, []]);
  });
});
