/** The hand-written statements, the drizzle schema and the migrated database speak of the same tables and columns. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { Client } from 'pg';
import * as schema from '../../src/postgres/schema.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

const FOLDER = join(__dirname, '../../src/postgres/sql');

const TABLES = (Object.values(schema) as unknown[]).filter((value): value is PgTable => value instanceof PgTable);

let target: Awaited<ReturnType<typeof createTestDatabase>>;
let client: Client;

beforeAll(async () => {
  target = await createTestDatabase();
  client = new Client({ connectionString: target.databaseUrl });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await target.drop();
});

const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));

test.each(files)('%s is a statement that the migrated database understands, named after its file', async (file) => {
  const exported = Object.entries((await import(join(FOLDER, file))) as Record<string, unknown>);
  const name = file.replace('.ts', '').replaceAll('-', '_').toUpperCase();
  expect(exported.map(([key]) => key)).toContain(name);
  for (const [key, text] of exported) {
    if (typeof text !== 'string') throw new Error(`${key} of ${file} is not a statement`);
    await client.query(`prepare ${key.toLowerCase()} as ${text}`);
  }
});

test('a statement with a column that does not exist would be noticed', async () => {
  await expect(client.query('prepare wrong as select batch_identity from slots')).rejects.toThrow('does not exist');
});

test('the schema and the migrated database have the same tables, columns, types and nullability', async () => {
  const declared = TABLES.flatMap((table) => {
    const { name, columns } = getTableConfig(table);
    return columns.map((column) => `${name}.${column.name} ${typeName(column.getSQLType())} ${!column.notNull}`);
  });
  const { rows } = await client.query<{ line: string }>(`
    select table_name || '.' || column_name || ' ' ||
      case data_type when 'ARRAY' then format_type(to_regtype(udt_name), null) else data_type end || ' ' || (is_nullable = 'YES') as line
    from information_schema.columns where table_schema = 'public'`);
  expect(declared.sort()).toEqual(rows.map(({ line }) => line).sort());
});

test('the schema and the migrated database have the same indexes, and slots has exactly three', async () => {
  const { rows } = await client.query<{ table: string; index: string }>(
    `select tablename as table, indexname as index from pg_indexes where schemaname = 'public'`,
  );
  const declared = TABLES.flatMap((table) => getTableConfig(table).indexes.map((index) => `${index.config.name}`));
  expect(rows.map(({ index }) => index)).toEqual(expect.arrayContaining(declared));
  const ofSlots = rows.filter(({ table }) => table === 'slots').map(({ index }) => index);
  expect(ofSlots.sort()).toEqual(['slots_by_status', 'slots_one_per_text', 'slots_pkey']);
});

function typeName(sqlType: string): string {
  const serials: Record<string, string> = { bigserial: 'bigint', serial: 'integer' };
  return serials[sqlType] ?? sqlType;
}
