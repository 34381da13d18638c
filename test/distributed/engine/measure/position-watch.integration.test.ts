import { Client } from 'pg';
import { PositionWatch } from '../../../../distributed/engine/measure/position-watch.ts';
import { createTestDatabase } from '../../../support/servers/servers.ts';
import { waitFor } from '../../../support/wait-for.ts';

test('tells when a record was settled, of the right partition, also after its connection was ended', async () => {
  const { databaseUrl, drop } = await createTestDatabase();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const watch = PositionWatch.begin(databaseUrl);
  const moveTo = (offsetNext: number) =>
    client.query(
      `insert into partition_progress (consumer_group, topic, partition, offset_next) values ('g', 't', 0, $1)
       on conflict (consumer_group, topic, partition) do update set offset_next = $1`,
      [offsetNext],
    );
  const settled = (offset: number) =>
    waitFor(() => watch.settledAtMs('t', 0, offset) ?? false, { deadlineMs: 15_000, what: `offset ${offset} settled` });
  try {
    await moveTo(3);
    const firstAtMs = await settled(2);
    expect(watch.settledAtMs('t', 0, 3)).toBeNull();
    expect(watch.settledAtMs('t', 1, 0)).toBeNull();
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'harness-positions' and datname = current_database()`,
    );
    await moveTo(4);
    expect(await settled(3)).toBeGreaterThan(firstAtMs);
    expect(watch.settledAtMs('t', 0, 2)).toBe(firstAtMs);

    const moved = watch.untilAllMove('t', 5_000);
    await moveTo(9);
    await moved;
    const secondAtMs = watch.settledAtMs('t', 0, 8) ?? 0;
    expect(secondAtMs).toBeGreaterThan(firstAtMs);
    await expect(watch.untilAllMove('t', 200)).rejects.toThrow('not every partition of t went on');
    // Nothing moves from then on, which looks of a later moment tell.
    await waitFor(() => watch.longestStillMs({ fromMs: firstAtMs, untilMs: Date.now() }) >= 200, {
      deadlineMs: 15_000,
      what: 'looks at what stands still for 200 ms',
    });
    const during = { fromMs: firstAtMs, untilMs: Date.now() };
    expect(watch.longestStillMs(during)).toBeLessThanOrEqual(during.untilMs - during.fromMs);
    expect(watch.longestStillMs({ fromMs: during.untilMs + 1_000, untilMs: during.untilMs + 2_000 })).toBe(0);
  } finally {
    await watch.end();
    await client.end();
    await drop();
  }
});
