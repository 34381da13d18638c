/**
 * Workers killed at the worst moment: the database has committed, Kafka has not heard of it. Whoever comes next must find
 * everything done, do nothing twice, and publish what the dead left behind.
 */
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const WITH_FAULTS = 'test/support/worker/worker-with-faults.ts';
const BATCHES = ['b0', 'b1', 'b2', 'b3'];
const SLOTS = 8;
/** Of QUICK in the fixture. */
const LEASE_MS = 3_500;

jest.setTimeout(90_000);

interface Assignment {
  text_storage_id: string;
  essay_id: string;
  assigned_by: string;
}

/** Rows of the outbox are looked at after they are published. */
const KEEPS_PUBLISHED = { OUTBOX_RETENTION_MS: '600000' };

describe('workers killed between the commit of the database and the commit of offsets', () => {
  let fixture: WorkerFixture;

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 3 });
  });
  afterAll(() => fixture?.close());

  const assignments = () =>
    fixture.sql<Assignment>(
      `select text_storage_id, essay_id, assigned_by from slots where status = 'filled' order by essay_id`,
    );
  const unpublished = () => fixture.sql<{ id: string }>('select id from outbox where published_at is null');
  const committed = async () => [...(await fixture.offsets()).values()].reduce((sum, { committed: c }) => sum + c, 0);

  /** Killed at its first commit that wrote events. */
  const dieAfterCommit = async (instance: string) => {
    const env = { ...KEEPS_PUBLISHED, ELS_TEST_DIE_AT_COMMIT: '1', COMMIT_INTERVAL_MS: '60000', GROUP_SIZE_MAX: '12' };
    const worker = fixture.launch(instance, { program: WITH_FAULTS, env });
    expect(await worker.exited()).toBeNull();
  };

  test('are succeeded by one that repeats nothing and loses nothing', async () => {
    const { inputs } = fixture;
    await fixture.send([
      ...BATCHES.map((batch) => inputs.registration(batch, SLOTS)),
      // One failure, one excess content or two, three texts that come twice.
      ...BATCHES.flatMap((batch) => [
        inputs.failure(batch, `${batch}-failed`),
        ...inputs.contents(batch, SLOTS + 1),
        ...[0, 1, 2].map((index) => inputs.content(batch, `${batch}-t${index}`, `${batch} again ${index}`)),
      ]),
    ]);

    await dieAfterCommit('first');
    const afterFirst = await assignments();
    const leftByFirst = await unpublished();
    expect(afterFirst.length).toBeGreaterThan(0);
    expect(leftByFirst.length).toBeGreaterThan(0);
    expect(await committed()).toBe(0);
    expect(await fixture.tail.complete()).toEqual([]);

    // It knows how its predecessor ended, and is in the middle of something itself; its log is cut off where it died.
    await dieAfterCommit('second');
    expect(await fixture.count('partition_progress where marked_by is not null')).toBeGreaterThan(0);
    const afterSecond = await assignments();
    expect(afterSecond).toEqual(expect.arrayContaining(afterFirst));

    const third = await fixture.launchReady('third', { program: WITH_FAULTS, env: KEEPS_PUBLISHED });
    await fixture.settled();
    const atTheEnd = await assignments();
    expect(atTheEnd).toEqual(expect.arrayContaining(afterSecond));
    expect(await fixture.count(`slots where status = 'open'`)).toBe(0);
    expect(new Set(atTheEnd.map((slot) => slot.text_storage_id)).size).toBe(atTheEnd.length);
    expect(await fixture.count(`batches where state = 'complete'`)).toBe(BATCHES.length);
    expect(await fixture.count('pending_inputs')).toBe(0);
    expect(await fixture.count('failures')).toBe(BATCHES.length);
    expect(atTheEnd.length + (await fixture.count('excess_contents'))).toBe(BATCHES.length * (SLOTS + 1));

    const left = leftByFirst.map(({ id }) => id);
    const published = await fixture.sql<{ publisher: string; waited_ms: number }>(
      `select publisher, extract(epoch from published_at - created_at)::float8 * 1000 as waited_ms
       from outbox where id = any($1)`,
      [left],
    );
    expect(published).toHaveLength(left.length);
    for (const row of published) {
      expect(row.publisher).not.toBe('first');
      expect(row.waited_ms).toBeGreaterThanOrEqual(LEASE_MS);
    }
    expect(await third.metric('els_reconciler_repairs_total')).toBe(0);
    expect((await third.stop()).code).toBe(0);
  });

  test('leave one slot-assigned event for each text and one completion for each batch', async () => {
    const assigned = await fixture.events(fixture.topics.slotAssigned);
    const announced = assigned.map(({ data }) => [data['text_storage_id'], data['essay_id']]);
    const stored = (await assignments()).map((slot) => [slot.text_storage_id, slot.essay_id]);
    expect(announced.sort()).toEqual(stored.sort());
    expect(new Set(assigned.map(({ event_id }) => event_id)).size).toBe(assigned.length);

    const completed = await fixture.events(fixture.topics.completed);
    expect(completed.map(({ data }) => data['batch_id']).sort()).toEqual(BATCHES);
    const listed = completed.flatMap(({ data }) => data['essays_for_processing'] as Assignment[]);
    expect(listed.map((essay) => [essay.text_storage_id, essay.essay_id]).sort()).toEqual(stored.sort());
  });
});
