import type { Database } from '../../src/postgres/database.ts';
import { PostgresPoisonMarkStore } from '../../src/postgres/poison-mark-store.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;
let marks: PostgresPoisonMarkStore;

beforeEach(async () => {
  target = await createTestDatabase();
  database = openDatabase(target.databaseUrl);
  marks = new PostgresPoisonMarkStore(database, { consumerGroup: 'group' });
});

afterEach(async () => {
  await database.close();
  await target.drop();
});

const at = (offsetNext: number, partition = 0) => ({ topic: 'topic', partition, offsetNext });

async function begun(offsetNext: number): Promise<number | undefined> {
  return (await marks.markPartitions([at(offsetNext)], 'instance'))[0];
}

describe('marks of a partition', () => {
  test('taking over at the same offset without a clean end counts', async () => {
    expect([await begun(7), await begun(7), await begun(7)]).toEqual([0, 1, 2]);
  });

  test('progress starts the count anew', async () => {
    expect([await begun(7), await begun(7), await begun(8), await begun(8)]).toEqual([0, 1, 0, 1]);
  });

  test('a clean hand-over forgets', async () => {
    await begun(7);
    await marks.clear([at(7)], 'instance');
    expect(await begun(7)).toBe(0);
  });

  test('a late clear of a former owner leaves the mark of the next one', async () => {
    await begun(7);
    await marks.markPartitions([at(7)], 'next');
    await marks.clear([at(7)], 'instance');
    expect(await begun(7)).toBe(2);
  });

  test('answers are parallel to the partitions, whatever their order', async () => {
    await marks.markPartitions([at(5, 2)], 'instance');
    const answers = await marks.markPartitions([at(9, 3), at(5, 2), at(0, 1)], 'other');
    expect(answers).toEqual([0, 1, 0]);
  });

  test('offsets beyond 32 bits are exact', async () => {
    const far = 2 ** 40;
    expect([await begun(far), await begun(far + 1), await begun(far + 1)]).toEqual([0, 0, 1]);
    expect(await marks.markRecord({ topic: 'topic', partition: 0, offset: far + 1 })).toBe(0);
    expect(await marks.markRecord({ topic: 'topic', partition: 0, offset: far + 1 })).toBe(1);
  });

  test('consumer groups do not count for each other', async () => {
    await begun(7);
    const other = new PostgresPoisonMarkStore(database, { consumerGroup: 'other' });
    expect(await other.markPartitions([at(7)], 'instance')).toEqual([0]);
    await other.clear([at(7)], 'instance');
    expect(await begun(7)).toBe(1);
  });

  test('nothing is asked for no partition', async () => {
    expect(await marks.markPartitions([], 'instance')).toEqual([]);
    await marks.clear([], 'instance');
  });

  test('many instances that take the same partitions at once do not deadlock', async () => {
    const partitions = Array.from({ length: 12 }, (_, partition) => at(1, partition));
    const orders = Array.from({ length: 8 }, (_, turn) => (turn % 2 === 0 ? partitions : [...partitions].reverse()));
    const answers = await Promise.all(orders.map((order, turn) => marks.markPartitions(order, `instance-${turn}`)));
    const countsOfOne = answers.map(
      (answer, turn) => answer[orders[turn]?.findIndex((one) => one.partition === 4) ?? -1],
    );
    expect(countsOfOne.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('the mark of a record', () => {
  const record = (offset: number) => ({ topic: 'topic', partition: 0, offset });

  test('it is remembered how often the process was about to look at the same record', async () => {
    await begun(7);
    const counts = [];
    for (const offset of [7, 7, 7, 8, 8]) counts.push(await marks.markRecord(record(offset)));
    expect(counts).toEqual([0, 1, 2, 0, 1]);
  });

  test('without a mark on its partition it is refused, not counted as the first', async () => {
    await expect(marks.markRecord(record(9))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('it outlives the process that died of the record', async () => {
    await begun(7);
    await marks.markRecord(record(9));
    expect(await begun(7)).toBe(1);
    expect(await marks.markRecord(record(9))).toBe(1);
  });

  test('progress and a clean hand-over clear it', async () => {
    await begun(7);
    await marks.markRecord(record(9));
    await begun(8);
    expect(await marks.markRecord(record(9))).toBe(0);
    await marks.clear([at(8)], 'instance');
    await begun(8);
    expect(await marks.markRecord(record(9))).toBe(0);
  });
});
