/**
 * A record that kills every process that handles it. After three deaths it is set aside unparsed, its neighbours are
 * not, and once the fault is mended it can be brought back. The restarts are ours, as an orchestrator would.
 */
import { runAdminCommand } from '../support/admin-command.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const DEATHS = 3;
const POISON = 'kills whoever reads it';

jest.setTimeout(90_000);

describe('a record that kills the process', () => {
  let fixture: WorkerFixture;

  beforeAll(async () => {
    fixture = await WorkerFixture.open({ inboundPartitions: 2 });
    const { inputs } = fixture;
    await fixture.send([
      inputs.registration('b', 11),
      ...inputs.contents('b', 5, 'before').map((record) => ({ ...record, partition: 0 })),
      { ...inputs.content('b', 'poison', POISON), partition: 0 },
      ...inputs.contents('b', 5, 'behind').map((record) => ({ ...record, partition: 0 })),
    ]);
  });
  afterAll(() => fixture?.close());

  const launch = (instance: string) =>
    fixture.launch(instance, {
      program: 'test/support/worker/worker-with-faults.ts',
      env: { ELS_TEST_POISON: POISON },
    });
  /** Without the marks of what was replayed. */
  const letters = async () =>
    (await fixture.tail.complete()).filter(({ topic, value }) => topic.endsWith('.DLQ') && value !== null);

  test('is set aside after three deaths, and nothing else is', async () => {
    for (let death = 1; death <= DEATHS; death += 1) {
      expect(await launch(`victim-${death}`).exited()).toBeNull();
      expect(await letters()).toEqual([]);
    }
    const survivor = launch('survivor');
    await survivor.ready();
    await fixture.settled();
    expect(await letters()).toHaveLength(1);
    const [letter] = await letters();
    expect(JSON.parse(String(letter?.value)).event_id).toBe(POISON);
    expect(String(letter?.headers['dlq-reason'])).toBe('crashed_process');
    expect(String(letter?.headers['dlq-offset'])).toBe('5');
    expect(String(letter?.headers['dlq-instance'])).toBe('survivor');

    expect(await fixture.count(`slots where status = 'filled'`)).toBe(10);
    expect(await fixture.count(`slots where text_storage_id = 'poison'`)).toBe(0);
    expect((await survivor.stop()).code).toBe(0);
    expect(await fixture.count('partition_progress where marked_by is not null')).toBe(0);
  });

  test('is processed when it is brought back to a worker that can read it', async () => {
    const mended = await fixture.launchReady('mended');
    const replayed = await runAdminCommand(fixture.env(), 'dlq', 'replay', '--reason', 'crashed_process');
    expect(replayed).toMatchObject({ matched: 1, replayed: 1, skipped: 0, dry_run: false });
    await fixture.settled();
    expect(await fixture.count(`slots where text_storage_id = 'poison'`)).toBe(1);
    const completed = await fixture.events(fixture.topics.completed);
    expect(completed.map(({ data }) => data['provisioned_count'])).toEqual([11]);
    expect(await letters()).toHaveLength(1);
    expect(mended.hasEnded).toBe(false);
  });
});
