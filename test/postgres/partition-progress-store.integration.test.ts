import type { PartitionMove, PartitionStart } from '../../src/domain/ports.ts';
import type { Database } from '../../src/postgres/database.ts';
import { PostgresPartitionProgressStore } from '../../src/postgres/partition-progress-store.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;

beforeEach(async () => {
  target = await createTestDatabase();
  database = openDatabase(target.databaseUrl);
});

afterEach(async () => {
  await database.close();
  await target.drop();
});

const process = (owner: string, consumerGroup = 'group') =>
  new PostgresPartitionProgressStore(database, { consumerGroup, owner });
const at = (offsetNext: number, partition = 0) => ({ topic: 'topic', partition, offsetNext });
const move = (offsetFrom: number, offsetNext: number, partition = 0): PartitionMove => ({
  ...at(offsetNext, partition),
  offsetFrom,
});
const stretch = (offsetFrom: number, offsetEnd: number, partition = 0) => ({
  topic: 'topic',
  partition,
  offsetFrom,
  offsetEnd,
});
const record = (offset: number) => ({ topic: 'topic', partition: 0, offset });

async function begun(owner: string, committed: number): Promise<PartitionStart | undefined> {
  return (await process(owner).begin([at(committed)]))[0];
}
async function position(): Promise<number> {
  const { rows } = await database.pool.query<{ offset_next: string }>('select offset_next from partition_progress');
  return Number(rows[0]?.offset_next);
}

describe('the position of a partition', () => {
  test('is what Kafka has where the database has none', async () => {
    expect(await begun('a', 7)).toEqual(at(7));
    expect(await position()).toBe(7);
  });

  test('is the smaller of both: Kafka is behind after a rewind, the database after a failover', async () => {
    const store = process('a');
    await store.begin([at(5)]);
    expect(await store.advance([move(5, 100)])).toEqual([]);
    expect(await begun('b', 40)).toEqual(at(40));
    expect(await begun('c', 200)).toEqual(at(40));
  });

  test('never moves back, whatever a frozen owner writes when it wakes', async () => {
    const zombie = process('zombie');
    await zombie.begin([at(0)]);
    const owner = process('owner');
    await owner.begin([at(0)]);
    await owner.advance([move(0, 100)]);
    expect(await zombie.advance([move(0, 30)])).toEqual([]);
    expect(await position()).toBe(100);
  });

  test('does not move where the database does not have what it had acknowledged', async () => {
    const store = process('a');
    await store.begin([at(0, 0), at(0, 1)]);
    await store.advance([move(0, 100, 0), move(0, 100, 1)]);
    await database.pool.query('update partition_progress set offset_next = 60 where partition = 1');
    expect(await store.advance([move(100, 120, 0), move(100, 120, 1)])).toMatchObject([{ partition: 1 }]);
    const { rows } = await database.pool.query('select offset_next::int from partition_progress order by partition');
    expect(rows).toEqual([{ offset_next: 120 }, { offset_next: 60 }]);
  });

  test('does not move on a server that the partitions were not begun on', async () => {
    await process('a').begin([at(0)]);
    // It has not begun, so no server is the one that it knows.
    expect(await process('b').advance([move(0, 10)])).toHaveLength(1);
    expect(await position()).toBe(0);
  });

  test('does not depend on how the session shows times', async () => {
    const store = process('a');
    await store.begin([at(0)]);
    await database.pool.query(
      `alter database "${new URL(target.databaseUrl).pathname.slice(1)}" set timezone = 'Asia/Tokyo'`,
    );
    const other = openDatabase(target.databaseUrl);
    Reflect.set(store, 'database', other);
    expect(await store.advance([move(0, 10)])).toEqual([]);
    await other.close();
  });

  test('is exact beyond 32 bits, and a group of its own for each consumer group', async () => {
    const far = 2 ** 40;
    const store = process('a');
    await store.begin([at(far)]);
    await store.advance([move(far, far + 1)]);
    expect(await begun('b', far + 5)).toEqual(at(far + 1));
    expect(await process('a', 'other').begin([at(far + 5)])).toEqual([at(far + 5)]);
  });

  test('answers are parallel to the partitions, whatever their order', async () => {
    await process('a').begin([at(5, 2)]);
    expect(await process('b').begin([at(9, 3), at(8, 2), at(0, 1)])).toEqual([at(9, 3), at(5, 2), at(0, 1)]);
    expect(await process('b').begin([])).toEqual([]);
  });

  test('many processes that write the same partitions in different orders do not deadlock', async () => {
    const partitions = Array.from({ length: 12 }, (_, partition) => partition);
    const orders = Array.from({ length: 8 }, (_, turn) => (turn % 2 === 0 ? partitions : [...partitions].reverse()));
    await Promise.all(
      orders.map(async (order, turn) => {
        const store = process(`p${turn}`);
        await store.begin(order.map((partition) => at(0, partition)));
        await store.mark(order.map((partition) => stretch(0, 50, partition)));
        await store.advance(order.map((partition) => move(0, 10 + turn, partition)));
        await store.clear(order.map((partition) => at(0, partition)));
      }),
    );
    const { rows } = await database.pool.query('select distinct offset_next::int from partition_progress');
    expect(rows).toEqual([{ offset_next: 17 }]);
  });
});

describe('the mark of records in hand', () => {
  const left = (offsetEnd: number, settledNext: number) => ({ leftInHand: { offsetEnd, settledNext } });

  test('tells a successor exactly what was in hand, until it is passed', async () => {
    const store = process('killed');
    await store.begin([at(10)]);
    await store.mark([stretch(10, 20)]);
    expect(await begun('next', 10)).toEqual({ ...at(10), ...left(20, 10) });
    const next = process('next');
    await next.begin([at(10)]);
    await next.advance([move(10, 15)]);
    expect(await begun('third', 15)).toEqual({ ...at(15), ...left(20, 15) });
    await next.advance([move(15, 20)]);
    expect(await begun('third', 15)).toEqual(at(15));
  });

  test('says nothing of other records, after a rewind or in a log made anew', async () => {
    const store = process('killed');
    await store.begin([at(10)]);
    await store.mark([stretch(10, 20)]);
    expect(await begun('next', 0)).toEqual(at(0));
  });

  test('of this process itself is none: it lives', async () => {
    const store = process('a');
    await store.begin([at(10)]);
    await store.mark([stretch(10, 20)]);
    expect(await store.begin([at(10)])).toEqual([at(10)]);
  });

  test('goes with a clean end, and a late one leaves the mark of the next owner', async () => {
    const store = process('a');
    await store.begin([at(10)]);
    await store.mark([stretch(10, 20)]);
    const next = process('b');
    await next.begin([at(10)]);
    await next.mark([stretch(10, 20)]);
    await store.clear([at(10)]);
    expect(await begun('c', 10)).toMatchObject(left(20, 10));
    await next.clear([at(10)]);
    expect(await begun('c', 10)).toEqual(at(10));
  });

  test('that comes after its records were passed is not set', async () => {
    const store = process('a');
    await store.begin([at(10)]);
    await store.advance([move(10, 20)]);
    await store.mark([stretch(10, 20)]);
    expect(await begun('b', 10)).toEqual(at(10));
  });

  test('a record handled alone is counted over the lives of processes, and moves the position', async () => {
    const first = process('first');
    await first.begin([at(10)]);
    await first.mark([stretch(10, 20)]);
    const second = process('second');
    await second.begin([at(10)]);
    expect([await second.markRecord(record(10)), await second.markRecord(record(11))]).toEqual([0, 0]);
    const third = process('third');
    expect(await third.begin([at(10)])).toEqual([{ ...at(10), ...left(20, 11) }]);
    expect([await third.markRecord(record(11)), await third.markRecord(record(12))]).toEqual([1, 0]);
    await third.advance([move(10, 20)]);
    await third.mark([stretch(20, 30)]);
    const fourth = process('fourth');
    await fourth.begin([at(20)]);
    expect(await fourth.markRecord(record(12))).toBe(0);
  });

  test('without a partition that was begun is refused, not counted as the first', async () => {
    await expect(process('a').markRecord(record(9))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
