/** Times of a fault from planted looks: seconds in, milliseconds after the fault out. */
import { faultOutcomes } from '../../../../distributed/judge/faults/fault-outcomes.ts';
import { gatesOfFaults } from '../../../../distributed/judge/faults/judge-faults.ts';
import { WatchEvidence } from '../../../../distributed/judge/faults/watch-evidence.ts';
import { faultWindowsOf } from '../../../../distributed/run/fault-windows.ts';
import type { HealthStatus, WatchSeen } from '../../../../distributed/run/watch-record.ts';

const WORKERS = ['worker-1', 'worker-2'];
const SERVERS = ['postgres', 'redis', 'kafka-1', 'kafka-2', 'kafka-3'];

type Seen = readonly [atSeconds: number, seen: WatchSeen];
type Fault = readonly [fault: string, target: string, from: number, until: number | null, atSeconds?: number];

const watching = (isOn: boolean, servers = SERVERS): WatchSeen => {
  return { what: 'watching', isOn, workers: WORKERS, gateways: ['gateway-1'], servers, hasAlerts: true };
};
const says = (process: string, status: HealthStatus): WatchSeen => ({ what: 'health', process, status });
const settled = (partition: number, next: number): WatchSeen => ({ what: 'position', topic: 't', partition, next });
const alert = (name: string, state: 'pending' | 'firing', activeAt: number): WatchSeen => {
  return { what: 'alert', alert: name, about: '', state, activeAtMs: activeAt * 1_000 };
};
const allWell: readonly Seen[] = WORKERS.map((name) => [10, says(name, 'healthy')]);

function judge(
  faults: readonly Fault[],
  seen: readonly Seen[],
  { inputs = {}, servers = SERVERS }: { inputs?: Readonly<Record<string, readonly number[]>>; servers?: string[] } = {},
) {
  const watch = new WatchEvidence();
  const all: Seen[] = [[10, watching(true, servers)], ...seen, [100, watching(false, servers)]];
  for (const [at, each] of all) watch.add({ monoMs: at * 1_000, wallMs: at * 1_000, ...each });
  const records = faults.flatMap(([fault, target, from, until, at]) => [
    { fault, target, phase: 'start' as const, wallMs: from * 1_000, monoMs: 0 },
    ...(until === null ? [] : [{ ...stopOf(fault, target, at), wallMs: until * 1_000, monoMs: 0 }]),
  ]);
  records.sort((one, other) => one.wallMs - other.wallMs);
  const taken = Object.entries(inputs).map(([name, times]) => [name, times.map((at) => at * 1_000)] as const);
  return faultOutcomes(faultWindowsOf(records), watch, new Map(taken));
}

function stopOf(fault: string, target: string, at: number | undefined) {
  const evidence = { started: at === undefined ? {} : { atMs: at * 1_000 }, stopped: {} };
  return { fault, target, phase: 'stop' as const, evidence };
}

test('a server that hangs: the last worker decides, then the alert, then the last partition and the last word', () => {
  const [outcome] = judge(
    [['server-pause', 'redis', 10, 30]],
    [
      ...allWell,
      [10, settled(0, 1)],
      [10, settled(1, 1)],
      [12, says('worker-2', 'degraded')],
      [13, alert('ElsDependencyAway', 'pending', 13)],
      [13.5, says('worker-1', 'degraded')],
      [15, alert('ElsDependencyAway', 'firing', 13)],
      [30.4, settled(0, 3)],
      [31, says('worker-1', 'healthy')],
      [31.5, settled(1, 2)],
      [32, says('worker-2', 'healthy')],
    ],
    { inputs: { 't/0': [9, 20, 30.2], 't/1': [9, 30.1], 't/2': [1, 60] } },
  );
  expect(outcome).toMatchObject({ partitions: 3, fromMs: 10_000, untilMs: 30_000 });
  expect(outcome?.noticed).toMatchObject({ afterMs: 3_500, limitMs: 10_000, answer: 'met' });
  expect(outcome?.alerted).toMatchObject({ afterMs: 5_000, answer: 'met' });
  expect(outcome?.alerted.note).toContain('ElsDependencyAway, true after 3000 ms');
  // The third partition had one waiting, of which nobody ever saw that it was settled.
  expect(outcome?.recovered).toMatchObject({ from: 'end', afterMs: 70_000, isAtLeast: true, answer: 'missed' });
  expect(outcome?.recovered.note).toContain('1 of 3 partitions and the word of 2');
});

test('work is normal again with the last partition or the last word, whichever comes later', () => {
  const seen: Seen[] = [
    ...allWell,
    ...WORKERS.map((name): Seen => [12, says(name, 'unhealthy')]),
    ...WORKERS.map((name): Seen => [22, says(name, 'healthy')]),
    [23, settled(0, 2)],
  ];
  const inputs = { 't/0': [9, 20.5] };
  const [outcome] = judge([['connections-taken', 'postgres', 10, 20]], seen, { inputs });
  expect(outcome?.recovered).toMatchObject({ afterMs: 3_000, limitMs: 10_000, answer: 'met' });
  expect(judge([['connections-taken', 'postgres', 10, 20]], seen)[0]?.recovered.afterMs).toBe(2_000);
});

test('a notice that is missing is missed, of those whose line it is alone', () => {
  const seen: Seen[] = [...allWell, [12, says('worker-2', 'unhealthy')]];
  const [other, all] = [
    judge([['cut to-server', 'worker-2 postgres', 10, 30]], seen),
    judge([['cut to-server', 'all workers postgres', 10, 30]], seen),
  ];
  expect(other[0]?.noticed).toMatchObject({ afterMs: 2_000, answer: 'met' });
  expect(all[0]?.noticed).toMatchObject({ afterMs: 20_000, isAtLeast: true, answer: 'missed' });
  expect(all[0]?.noticed.note).toBe('not by worker-1');
  expect(all[0]?.alerted).toMatchObject({ answer: 'missed', note: 'none fires' });
});

test('what is over before anybody had to notice it is not judged, and what nobody has to notice says so', () => {
  const [short, bearable, kill, gateway] = judge(
    [
      ['redis-hang', 'redis', 10, 14],
      ['clock-step', 'worker-1 300 s', 20, 40],
      ['worker-kill', 'worker-1', 50, 60],
      ['worker-kill', 'gateway-1', 70, 80],
    ],
    allWell,
  );
  expect(short?.noticed).toMatchObject({ afterMs: null, answer: 'not judged' });
  expect(short?.noticed.note).toContain('over before anybody had to');
  expect(bearable?.noticed.note).toContain('nobody has to: a clock does not know');
  expect(kill?.noticed.note).toContain('nobody has to: its end is seen by its exit');
  const [overtaken] = judge(
    [
      ['redis-hang', 'redis', 10, 40],
      ['worker-kill', 'worker-1', 12, 13],
    ],
    allWell,
  );
  expect(overtaken?.noticed.note).toContain('another fault began before anybody had to');
  expect(gateway?.recovered).toMatchObject({ answer: 'not judged', note: 'nothing was under way' });
});

test('who was not well before the fault proves nothing about it', () => {
  const seen: Seen[] = [[10, says('worker-1', 'degraded')], ...allWell.slice(1), [12, says('worker-2', 'degraded')]];
  const [outcome] = judge([['redis-kill', 'redis', 10.5, 30]], seen);
  expect(outcome?.noticed).toMatchObject({ answer: 'not judged', note: 'not well before: worker-1' });
});

test('a fault that met nothing has no recovery, and one that nobody mended has none either', () => {
  const [met, open] = judge(
    [
      ['postgres-terminate', 'postgres', 10, 12],
      ['server-pause', 'kafka-1 kafka-2 kafka-3', 13, null],
    ],
    [...allWell, [10, settled(0, 2)]],
    { inputs: { 't/0': [5, 6] } },
  );
  expect(met).toMatchObject({ partitions: 0, recovered: { answer: 'not judged', note: 'nothing was under way' } });
  expect(open?.recovered.note).toBe('nobody mended it');
  // The first look comes a moment after the fault, or too late to tell what held then.
  const partitionsAt = (at: number) => {
    const seen: Seen[] = [...allWell, [at, settled(0, 2)]];
    return judge([['server-kill', 'kafka-2', 10, 40]], seen, { inputs: { 't/0': [5, 6] } })[0]?.partitions;
  };
  expect([partitionsAt(10.2), partitionsAt(12)]).toEqual([0, 1]);
});

test('of faults that overlap only the last is held to its recovery', () => {
  const inputs = { 't/0': [9, 10.2, 11.2, 12.2] };
  const faults: Fault[] = [
    ['ended at committed', 'worker-1', 8, 20, 10],
    ['ended at committed', 'worker-2', 11, 20],
  ];
  const seen: Seen[] = [...allWell, [10, settled(0, 1)], [15, settled(0, 4)]];
  const [first, last] = judge(faults, seen, { inputs });
  // From when it really ended, which its evidence tells.
  expect(first).toMatchObject({ fromMs: 10_000, recovered: { from: 'start', afterMs: 5_000, answer: 'not judged' } });
  expect(first?.recovered.note).toBe('another fault began before');
  expect(last?.recovered).toMatchObject({ afterMs: 4_000, limitMs: 20_000, answer: 'met' });
});

test('where others go on in its place the time counts from the fault', () => {
  const inputs = { 't/0': [9, 10.5] };
  const seen: Seen[] = [...allWell, [16, settled(0, 2)]];
  const [one] = judge([['server-kill', 'kafka-2', 10, 40]], seen, { inputs });
  expect(one?.noticed.note).toContain('other brokers answer');
  expect(one?.recovered).toMatchObject({ from: 'start', afterMs: 6_000, answer: 'met' });
  const [two] = judge([['server-kill', 'kafka-1 kafka-2', 10, 40]], seen, { inputs });
  expect(two?.recovered.from).toBe('end');
  const sentinels = { servers: ['redis', 'redis-replica', 'redis-sentinel-1'], inputs };
  const words: Seen[] = WORKERS.flatMap((name, index): Seen[] => [
    [11, says(name, 'degraded')],
    [17 + index, says(name, 'healthy')],
  ]);
  const inOrder = [...seen, ...words].sort(([one], [other]) => one - other);
  const [redis] = judge([['server-pause', 'redis', 10, 40]], inOrder, sentinels);
  expect(redis).toMatchObject({ noticed: { afterMs: 1_000 }, recovered: { from: 'start', afterMs: 8_000 } });
});

test('a gate for each limit: the longest of those that are judged', () => {
  const faults = judge(
    [
      ['redis-kill', 'redis', 10, 30],
      ['worker-kill', 'worker-1', 50, 60],
    ],
    [
      ...allWell,
      ...WORKERS.map((name): Seen => [11, says(name, 'degraded')]),
      [22, alert('ElsDependencyAway', 'firing', 22)],
      ...WORKERS.map((name): Seen => [33, says(name, 'healthy')]),
      [75, settled(0, 2)],
    ],
    { inputs: { 't/0': [50.5, 50.6] } },
  );
  const gates = gatesOfFaults(faults).map(({ name, measured, passed }) => [name.split(', ').at(-1), measured, passed]);
  expect(gates).toEqual([
    ['limit 10 s', 1, true],
    ['limit 10 s', 12, false],
    ['limit 10 s', 3, true],
    ['limit 20 s', 25, false],
  ]);
});

test('without a watch nothing is judged', () => {
  const records = [{ fault: 'redis-kill', target: 'redis', phase: 'start' as const, wallMs: 0, monoMs: 0 }];
  const [outcome] = faultOutcomes(faultWindowsOf(records), new WatchEvidence(), new Map());
  expect([outcome?.noticed.answer, outcome?.alerted.answer, outcome?.recovered.answer]).toEqual([
    'not judged',
    'not judged',
    'not judged',
  ]);
});
