/** Builds beside each other: rolling forward and back over a schema that only grew. */
import { migrateUp } from '../../src/postgres/migrate.ts';
import { MigrationFolder } from '../support/servers/migration-folder.ts';
import { createTestDatabase } from '../support/servers/servers.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const REFUSED = 78;
const ADDITIVE = 'alter table batches add column shade text; create index on batches (shade)';

jest.setTimeout(90_000);

const builds: MigrationFolder[] = [];

function build(): MigrationFolder {
  const folder = new MigrationFolder();
  builds.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of builds) folder.remove();
});

describe('on a database one additive migration ahead', () => {
  let fixture: WorkerFixture;
  const next = build().add('0900_next', ADDITIVE);

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 2 });
    await migrateUp(fixture.databaseUrl, next.path);
  });
  afterAll(() => fixture?.close());

  test('this build works, and so does the next one, beside it and after it, and this one again', async () => {
    const older = await fixture.launchReady('older');
    expect(older.logLines().filter(({ msg }) => msg === 'start check')).toEqual([
      expect.objectContaining({ check: expect.stringContaining('0900_next') }),
    ]);
    const newer = await fixture.launchReady('newer', { cwd: next.parent });
    expect(newer.messages()).not.toContain('start check');
    await fixture.send([fixture.inputs.registration('both', 1), fixture.inputs.content('both', 'text')]);
    await fixture.settled();
    await older.stop();
    await fixture.send([fixture.inputs.registration('newer', 1), fixture.inputs.content('newer', 'text')]);
    await fixture.settled();
    await newer.stop();
    const again = await fixture.launchReady('again');
    await fixture.send([fixture.inputs.registration('older', 1), fixture.inputs.content('older', 'text')]);
    await fixture.settled();
    expect(await fixture.count("batches where state = 'complete'")).toBe(3);
    await again.stop();
  });

  test('a build that knows one fewer still works, and one whose files differ is refused', async () => {
    const former = await fixture.launchReady('former', { cwd: build().dropLast().parent });
    await former.stop();
    const differs = build().dropLast().add('0900_next', 'select 1');
    const worker = fixture.launch('differs', { cwd: differs.parent });
    expect(await worker.exited()).toBe(REFUSED);
  });

  test('a build that is too old for it is refused at once, with what it lacks', async () => {
    const database = await createTestDatabase();
    const breaking = build().add('0900_next', `-- els: min-reader 0900_next\n${ADDITIVE}`);
    await migrateUp(database.databaseUrl, breaking.path);
    const worker = fixture.launch('too-old', { env: { DATABASE_URL: database.databaseUrl } });
    expect(await worker.exited()).toBe(REFUSED);
    const [fatal] = worker.logLines().filter(({ level }) => level === 'fatal');
    expect(JSON.stringify(fatal)).toContain('needs a build that knows 0900_next');
    await database.drop();
  });
});
