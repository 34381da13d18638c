/** `pnpm grafana:generate`: writes the dashboards as Grafana reads them. Run in the checkout, as pnpm does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { allDashboards, DASHBOARD_FOLDER } from '../grafana/all-dashboards.ts';

new Command('grafana:generate').description('Writes the dashboards as Grafana reads them.').parse();

const folder = DASHBOARD_FOLDER;
mkdirSync(folder, { recursive: true });
for (const { name, text } of allDashboards()) {
  writeFileSync(join(folder, name), text);
  process.stdout.write(`${join(DASHBOARD_FOLDER, name)}\n`);
}
