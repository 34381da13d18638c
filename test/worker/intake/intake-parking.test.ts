/** What a record waits for holds up nothing but what must keep its order behind it. */
import type { InboundRecord } from '../../../src/domain/ports.ts';
import type { ParkedBatches } from '../../../src/worker/settle/parked-batches.ts';
import type { Answered, Resolution } from '../../../src/worker/settle/resolution.ts';
import { waitFor } from '../../support/wait-for.ts';
import { gate, intakeBench, range } from '../../support/worker/intake-bench.ts';
import { MemoryRecordSource } from '../../support/worker/memory-record-source.ts';

const soon = (what: string) => ({ deadlineMs: 15_000, what });
const RESOLVED: Resolution = { kind: 'resolved', disposition: 'assigned' };

/** Record n belongs to batch n % 4; batch 0 is busy as long as `isHeld`. */
function heldBench(source = new MemoryRecordSource()) {
  const state = {
    isHeld: true,
    handled: [] as number[],
    groupsWithHeld: 0,
    parked: undefined as unknown as ParkedBatches,
  };
  const answer = ({ offset }: InboundRecord): Answered => {
    const batchId = `batch-${offset % 4}`;
    if (offset % 4 === 0 && state.isHeld) {
      if (!state.parked.isParked(batchId)) state.parked.park([batchId], 'busy');
      return { kind: 'parked', batchId };
    }
    state.handled.push(offset);
    return RESOLVED;
  };
  const handler = {
    handle: async (records: readonly InboundRecord[]) => records.map(answer),
    setAside: async () => RESOLVED,
  };
  const bench = intakeBench({}, { source, handler });
  state.parked = bench.parked;
  return { ...bench, state };
}

describe('a batch that is held', () => {
  test('lets everything else of its partition pass, and follows in order once it is free', async () => {
    const { source, intake, state, fatal } = heldBench();
    await intake.start();
    source.append('t', 0, range(0, 200));
    source.assign();
    await waitFor(() => state.handled.length === 150, soon('the others handled'));
    expect(source.committed('t', 0)).toBe(0);
    expect(intake.state().bufferedCount).toBe(50);
    state.isHeld = false;
    await waitFor(() => source.committedAll(), soon('all committed'));
    const ofHeld = state.handled.filter((offset) => offset % 4 === 0);
    expect(ofHeld).toEqual(range(0, 200).filter((offset) => offset % 4 === 0));
    await intake.stop();
    expect(fatal).toEqual([]);
  });

  test('does not delay a stop or a rebalance', async () => {
    const { source, intake, state } = heldBench();
    await intake.start();
    source.append('t', 0, range(0, 8));
    source.assign();
    await waitFor(() => state.handled.length === 6, soon('the others handled'));
    source.assign();
    await waitFor(() => state.handled.length === 12, soon('handled again in the next epoch'));
    await intake.stop();
    expect(source.committed('t', 0)).toBe(0);
  });
});

describe('a record whose dead letter is not acknowledged', () => {
  test('holds up neither its group nor other partitions, and its own only until it is', async () => {
    const source = new MemoryRecordSource();
    const door = gate();
    const handled: string[] = [];
    const handler = {
      handle: async (records: readonly InboundRecord[]): Promise<Answered[]> =>
        records.map(({ partition, offset }) => {
          handled.push(`${partition}/${offset}`);
          if (partition > 0 || offset > 0) return RESOLVED;
          return { kind: 'awaited', resolution: door.opened.then(() => RESOLVED) };
        }),
      setAside: async () => RESOLVED,
    };
    const { intake } = intakeBench({ groupsInFlightMax: 1 }, { source, handler });
    await intake.start();
    source.append('t', 0, [0, 1]);
    source.append('t', 1, range(0, 3));
    source.assign();
    await waitFor(() => handled.length === 5, soon('one group'));
    source.append('t', 0, [2]);
    source.append('t', 1, range(3, 100));
    await waitFor(() => source.committed('t', 1) === 100, soon('the other partition goes on'));
    expect(source.committed('t', 0)).toBe(0);
    expect(handled).not.toContain('0/2');
    door.open();
    await waitFor(() => source.committedAll(), soon('all committed'));
    await intake.stop();
  });
});
