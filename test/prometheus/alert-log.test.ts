import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../../distributed/stack/process/project-root.ts';
import { ChildCommand } from '../support/child-program.ts';
import { composeServices } from '../support/compose-file.ts';
import { waitFor } from '../support/wait-for.ts';

const read = (name: string) => parse(readFileSync(join(projectRoot(), 'prometheus', name), 'utf8'));

test('Prometheus tells Alertmanager, which tells a service that shows it', () => {
  const [target] = read('prometheus.yml').alerting.alertmanagers[0].static_configs[0].targets;
  expect(target).toBe('alertmanager:9093');
  const { route, receivers } = read('alertmanager.yml');
  expect(receivers.map(({ name }: { name: string }) => name)).toContain(route.receiver);
  const url = new URL(receivers[0].webhook_configs[0].url);
  expect([url.hostname, composeServices().has(url.hostname), url.port]).toEqual(['alert-log', true, '9095']);
});

test('what Alertmanager sends is shown a line each, with what to do and where to read', async () => {
  const log = new ChildCommand(process.execPath, ['prometheus/alert-log.mjs', '0']);
  try {
    await log.printed('waiting for alerts on port');
    const url = `http://127.0.0.1:${/port (\d+)/.exec(log.stdout)?.[1]}/`;
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url, { method: 'POST', body: 'no JSON' })).status).toBe(400);
    const labels = { alertname: 'ElsOutboxDead', severity: 'critical' };
    const annotations = { summary: '3 rows', action: 'Run it.', runbook_url: 'http://docs', dashboard_url: 'http://g' };
    const alerts = [
      { status: 'firing', labels, annotations },
      { status: 'resolved', labels, annotations },
    ];
    expect((await fetch(url, { method: 'POST', body: JSON.stringify({ alerts }) })).status).toBe(200);
    await waitFor(() => log.stdout.includes('over '), { deadlineMs: 10_000, what: 'the line of the end' });
    expect(log.stdout.split('\n').slice(1, 3)).toEqual([
      'critical ElsOutboxDead: 3 rows | Run it. | http://docs | http://g',
      'over ElsOutboxDead: 3 rows',
    ]);
  } finally {
    log.kill('SIGTERM');
    await log.exited();
  }
});
