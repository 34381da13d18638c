import { setTimeout as sleep } from 'node:timers/promises';
import { RunMetrics, type ScrapeTarget } from '../../../distributed/observe/run-metrics.ts';
import { waitFor } from '../../support/wait-for.ts';

const LINGER_MS = 300;
const TELLINGS_MIN = 2;
let targets: ScrapeTarget[] = [];
let run: RunMetrics;

beforeEach(async () => {
  targets = [];
  run = new RunMetrics({
    lingerMs: LINGER_MS,
    tellingsMin: TELLINGS_MIN,
    targets: () => targets,
    pageOf: (path) => (path === '/broken' ? Promise.reject(new Error('no answer')) : null),
  });
  await run.start();
});

afterEach(() => run.stop());

async function page(): Promise<string[]> {
  const text = await (await fetch(`http://${run.address}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith('els_'));
}

test('tells phase and faults with their scenario, labels escaped', async () => {
  run.beginScenario('a "b"/c');
  run.beginPhase('load');
  run.beginFault('kill', 'worker-1');
  expect(await page()).toEqual([
    'els_run_phase{scenario="a \\"b\\"/c",phase="load"} 1',
    'els_run_fault{scenario="a \\"b\\"/c",fault="kill",target="worker-1"} 1',
  ]);
});

test('a phase and a fault shorter than a scrape interval are shown for the linger time, then no more', async () => {
  run.beginScenario('s');
  run.beginPhase('warm-up');
  run.beginPhase('load');
  run.beginFault('kill', 'worker-1');
  run.endFault('kill', 'worker-1');
  expect(await page()).toEqual([
    'els_run_phase{scenario="s",phase="warm-up"} 1',
    'els_run_phase{scenario="s",phase="load"} 1',
    'els_run_fault{scenario="s",fault="kill",target="worker-1"} 1',
  ]);
  const over = [
    'els_run_phase{scenario="s",phase="load"} 1',
    'els_run_fault{scenario="s",fault="kill",target="worker-1"} 0',
  ];
  const isOver = async () => JSON.stringify(await page()) === JSON.stringify(over);
  await waitFor(isOver, { deadlineMs: 10 * LINGER_MS, what: 'phase and fault are over' });
});

test('what was told and lasted longer than the linger time ends when it ends', async () => {
  run.beginScenario('s');
  run.beginFault('kill', 'worker-1');
  for (let telling = 0; telling < TELLINGS_MIN; telling += 1) await page();
  await sleep(LINGER_MS);
  run.endFault('kill', 'worker-1');
  expect((await page())[0]).toMatch(/ 0$/);
});

test('a fault that nobody asked about while it lasted is told afterwards, often enough', async () => {
  run.beginScenario('s');
  run.beginFault('kill', 'worker-1');
  await sleep(LINGER_MS);
  run.endFault('kill', 'worker-1');
  const tellings = [(await page())[0], (await page())[0], (await page())[0]];
  expect(tellings.map((line) => line?.at(-1))).toEqual(['1', '1', '0']);
});

test('discovery answers with the harness and with the targets of this moment', async () => {
  const discovered = async () => (await fetch(run.discoveryUrl)).json();
  const harness = { targets: [run.address], labels: { job: 'harness', __metrics_path__: '/metrics' } };
  expect(await discovered()).toEqual([harness]);
  targets = [{ job: 'worker', address: '127.0.0.1:1', labels: { instance: 'worker-1' } }];
  const labels = { job: 'worker', __metrics_path__: '/metrics', instance: 'worker-1' };
  expect(await discovered()).toEqual([harness, { targets: ['127.0.0.1:1'], labels }]);
});

test('a page that cannot be had is an error to Prometheus, an unknown one is not there', async () => {
  expect((await fetch(`http://${run.address}/broken`)).status).toBe(503);
  expect((await fetch(`http://${run.address}/nothing`)).status).toBe(404);
});
