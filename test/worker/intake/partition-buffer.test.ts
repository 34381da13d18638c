import fc from 'fast-check';
import { PartitionBuffer } from '../../../src/worker/intake/partition-buffer.ts';
import { recordAt } from '../../support/worker/memory-record-source.ts';

const FIRST_OFFSET = 7;

function take(buffer: PartitionBuffer, countMax: number) {
  const taken = { records: [] as ReturnType<typeof recordAt>[], sequences: [] as number[] };
  buffer.take(countMax, taken);
  return taken.records.map((record, index) => ({ offset: record.offset, sequence: taken.sequences[index] ?? -1 }));
}

describe('PartitionBuffer', () => {
  test('the low-water mark never passes an unresolved record, whatever is taken, resolved, retried, parked and released', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('append' as const),
          gaps: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 9 }),
        }),
        fc.record({ kind: fc.constant('take' as const), countMax: fc.integer({ min: 1, max: 6 }) }),
        fc.record({ kind: fc.constant('resolve' as const), pick: fc.nat() }),
        fc.record({ kind: fc.constant('putBack' as const), pick: fc.nat() }),
        fc.record({ kind: fc.constant('park' as const), pick: fc.nat(), batch: fc.constantFrom('a', 'b') }),
        fc.record({ kind: fc.constant('release' as const), batch: fc.constantFrom('a', 'b') }),
      ),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        const buffer = new PartitionBuffer(FIRST_OFFSET, 2);
        const unresolved = new Set<number>();
        const waiting = new Set<number>();
        const parked = new Map<number, string>();
        const inHand: { offset: number; sequence: number }[] = [];
        let offset = FIRST_OFFSET - 1;
        let resolvedMax = FIRST_OFFSET - 1;
        for (const step of script) {
          if (step.kind === 'append') {
            const offsets = step.gaps.map((gap) => {
              offset += gap;
              return offset;
            });
            for (const one of offsets) unresolved.add(one);
            for (const one of offsets) waiting.add(one);
            buffer.append(offsets.map((one) => recordAt('t', 0, one)));
          } else if (step.kind === 'take') {
            const expected = [...waiting].sort((a, b) => a - b).slice(0, step.countMax);
            const taken = take(buffer, step.countMax);
            expect(taken.map((one) => one.offset)).toEqual(expected);
            for (const one of expected) waiting.delete(one);
            inHand.push(...taken);
          } else if (step.kind === 'release') {
            const released = [...parked].filter(([, batch]) => batch === step.batch).map(([one]) => one);
            expect(buffer.release(step.batch)).toBe(released.length);
            for (const one of released) {
              parked.delete(one);
              waiting.add(one);
            }
          } else if (inHand.length > 0) {
            const [one] = inHand.splice(step.pick % inHand.length, 1);
            if (one === undefined) continue;
            if (step.kind === 'resolve') {
              buffer.resolve(one.sequence);
              unresolved.delete(one.offset);
              resolvedMax = Math.max(resolvedMax, one.offset);
            } else if (step.kind === 'park') {
              buffer.park(one.sequence, step.batch);
              parked.set(one.offset, step.batch);
            } else {
              buffer.putBack(one.sequence);
              waiting.add(one.offset);
            }
          }
          const firstUnresolved = Math.min(...unresolved, Number.POSITIVE_INFINITY);
          expect(buffer.offsetNext).toBeLessThanOrEqual(firstUnresolved);
          if (unresolved.size === 0) expect(buffer.offsetNext).toBe(resolvedMax + 1);
          // Nothing resolved lies between the mark and the first unresolved record, gaps only.
          expect(buffer.waitingCount).toBe(waiting.size);
          expect(buffer.bufferedCount).toBe(unresolved.size);
          expect(buffer.parkedCount).toBe(parked.size);
          expect(buffer.parkedBytes > 0).toBe(parked.size > 0);
        }
        for (const batch of ['a', 'b']) buffer.release(batch);
        const drained = [...inHand];
        for (let taken = take(buffer, 1000); taken.length > 0; taken = take(buffer, 1000)) drained.push(...taken);
        for (const one of drained.reverse()) buffer.resolve(one.sequence);
        expect(buffer.offsetNext).toBe(offset + 1);
        const { heldCount, bufferedCount, bufferedBytes, parkedBytes } = buffer;
        expect([heldCount, bufferedCount, bufferedBytes, parkedBytes]).toEqual([0, 0, 0, 0]);
      }),
      { numRuns: 500 },
    );
  });

  test('a gap neither stalls the mark nor moves it by itself', () => {
    const buffer = new PartitionBuffer(0);
    buffer.append([recordAt('t', 0, 5), recordAt('t', 0, 9)]);
    expect(buffer.offsetNext).toBe(0);
    const [first, second] = take(buffer, 2);
    buffer.resolve(first?.sequence ?? -1);
    expect(buffer.offsetNext).toBe(6);
    buffer.resolve(second?.sequence ?? -1);
    expect(buffer.offsetNext).toBe(10);
  });

  test('a record handed over twice is kept once', () => {
    const buffer = new PartitionBuffer(0);
    buffer.append([recordAt('t', 0, 0), recordAt('t', 0, 1)]);
    buffer.append([recordAt('t', 0, 1), recordAt('t', 0, 2)]);
    expect(take(buffer, 10).map((one) => one.offset)).toEqual([0, 1, 2]);
  });

  test('a record settled twice is a bug that is not passed over', () => {
    const buffer = new PartitionBuffer(0);
    buffer.append([recordAt('t', 0, 0), recordAt('t', 0, 1)]);
    const [, second] = take(buffer, 2);
    buffer.resolve(second?.sequence ?? -1);
    expect(() => buffer.resolve(second?.sequence ?? -1)).toThrow('not taken');
    expect(() => buffer.putBack(second?.sequence ?? -1)).toThrow('not taken');
  });

  test('records resolved behind an unresolved one still count as held', () => {
    const buffer = new PartitionBuffer(0);
    buffer.append([0, 1, 2].map((offset) => recordAt('t', 0, offset)));
    const [, second, third] = take(buffer, 3);
    buffer.resolve(second?.sequence ?? -1);
    buffer.resolve(third?.sequence ?? -1);
    expect([buffer.bufferedCount, buffer.heldCount]).toEqual([1, 3]);
  });

  test.each(['putBack', 'park'] as const)('%s keeps the record and not the fetch answer it lies in', (wait) => {
    const answer = Buffer.alloc(1024 * 1024, 'x');
    const [key, value, header] = [answer.subarray(10, 20), answer.subarray(20, 5020), answer.subarray(6000, 6004)];
    const headers = { one: header, many: [header, header] };
    const buffer = new PartitionBuffer(FIRST_OFFSET);
    buffer.append([{ ...recordAt('t', 0, FIRST_OFFSET), key, value, headers }]);
    const [first] = take(buffer, 1);
    buffer[wait](first?.sequence ?? -1, 'a');
    buffer.release('a');
    const again = { records: [] as ReturnType<typeof recordAt>[], sequences: [] as number[] };
    buffer.take(1, again);
    const [record] = again.records;
    expect(record).toEqual({ ...recordAt('t', 0, FIRST_OFFSET), key, value, headers });
    const held = [record?.key, record?.value, ...Object.values(record?.headers ?? {}).flat()].map((bytes) =>
      bytes instanceof Uint8Array ? bytes.buffer.byteLength : 0,
    );
    expect(Math.max(...held)).toBeLessThanOrEqual(Buffer.poolSize);
  });
});
