/** `pnpm docs:screenshots [run directory]`: takes the pictures in docs/screenshots again, from an observed run. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { drawDashboards, runOnObserved } from '../preview/observed-command.ts';
import { writeReport } from '../report/report-page.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { takeScreenshots } from '../screenshots/take-screenshots.ts';
import { projectRoot } from '../stack/process/project-root.ts';

const FOLDER = 'docs/screenshots';

await runOnObserved({
  name: 'docs:screenshots',
  description: 'Takes the pictures of report and dashboards in docs/screenshots again, from an observed run.',
  work: async ([part]) => {
    if (part !== undefined) await show(part);
  },
});

async function show(part: string): Promise<void> {
  const dashboards = await drawDashboards(part);
  if (dashboards === null) return;
  const folder = join(projectRoot(), FOLDER);
  await mkdir(folder, { recursive: true });
  const report = await writeReport(await RunDirectory.open(part));
  const files = await takeScreenshots({ report, dashboards }, folder);
  process.stdout.write(`${files.join('\n')}\n`);
}
