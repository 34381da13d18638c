import { PartitionCursor } from '../../src/kafka/partition-cursor.ts';

const cursorAt = (offsetNext: number) => new PartitionCursor({ topic: 't', partition: 0, offsetNext });

describe('the cursor of a partition', () => {
  test('commits what is resolved, and what lies behind it without a record once all of it is', () => {
    const cursor = cursorAt(10);
    // Records 10 to 14, then two markers of a transaction.
    cursor.advance(17, 15);
    expect(cursor.commitTarget(12)).toBe(12);
    expect(cursor.commitTarget(15)).toBe(17);
  });

  test('has nothing to commit twice and never goes back', () => {
    const cursor = cursorAt(10);
    cursor.advance(20, 20);
    cursor.committed(15);
    expect(cursor.commitTarget(15)).toBeNull();
    expect(cursor.commitTarget(12)).toBeNull();
    cursor.advance(12, undefined);
    expect(cursor.position).toBe(20);
  });

  test('has a gap to commit only when all that was handed over is committed', () => {
    const cursor = cursorAt(10);
    cursor.advance(12, 12);
    expect(cursor.passOver(12, 14)).toBe('accepted');
    expect(cursor.hasUncommittedGap()).toBe(false);
    cursor.committed(12);
    expect(cursor.hasUncommittedGap()).toBe(true);
    expect(cursor.position).toBe(15);
  });

  test('doubts a batch that would leave a hole, and believes it when it comes again', () => {
    const cursor = cursorAt(10);
    expect(cursor.passOver(20, 22)).toBe('doubted');
    expect(cursor.position).toBe(10);
    expect(cursor.passOver(20, 22)).toBe('accepted');
    expect(cursor.position).toBe(23);
    expect(cursor.passOver(30, 31)).toBe('doubted');
  });

  test('believes at once what adjoins its position', () => {
    const cursor = cursorAt(10);
    expect(cursor.passOver(8, 11)).toBe('accepted');
    expect(cursor.passOver(null, 12)).toBe('accepted');
    expect(cursor.position).toBe(13);
  });
});
