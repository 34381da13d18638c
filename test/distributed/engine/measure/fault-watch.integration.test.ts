import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import { type ActiveAlert, FaultWatch } from '../../../../distributed/engine/measure/fault-watch.ts';
import { PartEvents } from '../../../../distributed/engine/part-events.ts';
import type { WatchSeen } from '../../../../distributed/run/watch-record.ts';
import { createTestDatabase } from '../../../support/servers/servers.ts';
import { waitFor } from '../../../support/wait-for.ts';

test('from a fault on every change is written once: of words, positions and alerts; before it nobody looks', async () => {
  const { databaseUrl, drop } = await createTestDatabase();
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  let [status, asked] = ['healthy', 0];
  const server = createServer((_request, response) => {
    asked += 1;
    response.end(JSON.stringify({ status }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let active: ActiveAlert[] = [];
  const seen: WatchSeen[] = [];
  const events = new PartEvents();
  const watch = new FaultWatch({
    journal: { seen: (...all) => seen.push(...all) },
    events,
    databaseUrl,
    workers: [{ name: 'worker-1', url }],
    gateways: [],
    servers: [{ name: 'postgres' }],
    alerts: async () => active,
  });
  const moveTo = (offsetNext: number) =>
    client.query(
      `insert into partition_progress (consumer_group, topic, partition, offset_next) values ('g', 't', 0, $1)
       on conflict (consumer_group, topic, partition) do update set offset_next = $1`,
      [offsetNext],
    );
  const wait = (isSo: () => boolean, what: string) => waitFor(isSo, { deadlineMs: 15_000, what });
  const has = (part: object) =>
    seen.some((each) => Object.entries(part).every(([key, value]) => Object(each)[key] === value));
  try {
    await moveTo(3);
    expect([asked, seen]).toEqual([0, []]);
    events.emit('fault', 'redis-hang', 'redis', 'start', {});
    await wait(() => has({ what: 'health', status: 'healthy' }) && has({ what: 'position', next: 3 }), 'first looks');
    status = 'degraded';
    active = [{ alert: 'A', about: 'worker-1', state: 'pending', activeAtMs: 1 }];
    await moveTo(5);
    await wait(() => has({ status: 'degraded' }) && has({ next: 5 }) && has({ state: 'pending' }), 'the changes');
    active = [];
    await wait(() => has({ state: 'over' }), 'the end of the alert');
    const looks = asked;
    await wait(() => asked > looks + 2, 'further looks');
  } finally {
    await watch.end();
    server.close();
    server.closeAllConnections();
    await client.end();
    await drop();
  }
  expect(seen[0]).toMatchObject({ what: 'watching', isOn: true, workers: ['worker-1'], hasAlerts: true });
  expect(seen.at(-1)).toMatchObject({ what: 'watching', isOn: false });
  expect(seen.filter(({ what }) => what === 'health')).toHaveLength(2);
  expect(seen.filter(({ what }) => what === 'position')).toHaveLength(2);
  expect(seen.filter(({ what }) => what === 'alert')).toHaveLength(2);
});
