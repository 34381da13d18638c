import { randomBytes } from 'node:crypto';
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

  test('a right that only a record would miss is missed at once', async () => {
    const role = `els_${randomBytes(6).toString('hex')}`;
    await alter(`create role ${role} login;
      grant usage on schema public to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role};
      grant usage on all sequences in schema public to ${role}`);
    try {
      expect(await problems({}, role)).toEqual([]);
      await alter(`revoke insert on failures from ${role};
        revoke update, delete on outbox from ${role};
        revoke usage on sequence outbox_id_seq from ${role}`);
      expect(await problems({}, role)).toEqual([
        expect.stringMatching(/no right to insert on failures/),
        expect.stringMatching(/no right to delete, update on outbox/),
        expect.stringMatching(/no right to usage of its sequence on outbox.id/),
      ]);
    } finally {
      await alter(`drop owned by ${role}; drop role ${role}`);
    }
  });

  test('acknowledged commits that may be lost are not accepted', async () => {
    expect(await problems({ synchronous_commit: 'off' })).toEqual([expect.stringContaining('synchronous_commit')]);
  });
});

async function problems(sessionSettings: Record<string, string> = {}, role?: string): Promise<string[]> {
  const url = new URL(target.databaseUrl);
  if (role !== undefined) url.username = role;
  const database = openDatabase(url.href, { sessionSettings });
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
