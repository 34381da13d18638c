import { Client } from 'pg';
import { checkSchema } from '../../src/postgres/schema-check.ts';
import { openDatabase } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

let target: Awaited<ReturnType<typeof createTestDatabase>>;

beforeEach(async () => {
  target = await createTestDatabase();
});

afterEach(() => target.drop());

describe('the check of the database before a record is taken', () => {
  test('a migrated database on a durable server is well', async () => {
    expect(await problems()).toEqual([]);
  });

  test.each([
    ['slots_one_per_text', 'drop index slots_one_per_text'],
    ['failures_one_per_upload', 'alter table failures drop constraint failures_one_per_upload'],
    ['excess_one_per_text', 'alter table excess_contents drop constraint excess_one_per_text'],
    ['pending_one_per_identity', 'alter table pending_inputs drop constraint pending_one_per_identity'],
  ])('%s is missed', async (name, damage) => {
    await alter(damage);
    expect(await problems()).toEqual([expect.stringContaining(name)]);
  });

  test('an index that is not unique guards nothing', async () => {
    await alter(`drop index slots_one_per_text;
      create index slots_one_per_text on slots (batch_id, text_storage_id) where text_storage_id is not null`);
    expect(await problems()).toEqual([expect.stringContaining('slots_one_per_text')]);
  });

  test('an index that covers only some rows guards nothing', async () => {
    await alter(`drop index slots_one_per_text;
      create unique index slots_one_per_text on slots (batch_id, text_storage_id)
      where text_storage_id is not null and position < 10`);
    expect(await problems()).toEqual([expect.stringContaining('slots_one_per_text')]);
  });

  test('an index that failed to build guards nothing', async () => {
    await alter('drop index slots_one_per_text');
    await alter(`insert into slots (essay_id, batch_id, position, status, text_storage_id, batch_version)
      values ('e1', 'b', 0, 'filled', 'x', 1), ('e2', 'b', 1, 'filled', 'x', 2)`);
    const build = `create unique index concurrently slots_one_per_text on slots (batch_id, text_storage_id)
      where text_storage_id is not null`;
    await expect(alter(build)).rejects.toThrow('could not create unique index');
    expect(await problems()).toEqual([expect.stringContaining('slots_one_per_text')]);
  });

  test('a database that was never migrated is not well', async () => {
    await alter('drop table slots');
    expect(await problems()).toEqual([expect.stringContaining('slots_one_per_text')]);
  });

  test('acknowledged commits that may be lost are not accepted', async () => {
    expect(await problems({ synchronous_commit: 'off' })).toEqual([expect.stringContaining('synchronous_commit')]);
  });
});

async function problems(sessionSettings: Record<string, string> = {}): Promise<string[]> {
  const database = openDatabase(target.databaseUrl, { sessionSettings });
  try {
    return await checkSchema(database);
  } finally {
    await database.close();
  }
}

async function alter(statements: string): Promise<void> {
  const client = new Client({ connectionString: target.databaseUrl });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
