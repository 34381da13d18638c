/** `pnpm grafana:generate`: writes the dashboards as Grafana reads them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allDashboards, DASHBOARD_FOLDER } from '../grafana/all-dashboards.ts';
import { projectRoot } from '../stack/project-root.ts';

const folder = join(projectRoot(), DASHBOARD_FOLDER);
mkdirSync(folder, { recursive: true });
for (const { name, text } of allDashboards()) {
  writeFileSync(join(folder, name), text);
  process.stdout.write(`${join(DASHBOARD_FOLDER, name)}\n`);
}
