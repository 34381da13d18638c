/**
 * `pnpm docs:screenshots [run directory]`: takes the pictures in docs/screenshots again, of the live page on servers of
 * its own, and of an observed run.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { listenForInterrupt } from '../command/interrupt.ts';
import { drawDashboards, runOnObserved } from '../preview/observed-command.ts';
import { writeReport } from '../report/report-page.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { withLiveBatches } from '../screenshots/live-batches.ts';
import { picturesOfLivePage, picturesOfRun, takeScreenshots } from '../screenshots/take-screenshots.ts';
import { projectRoot } from '../stack/process/project-root.ts';

const root = projectRoot();
const FOLDER = join(root, 'docs/screenshots');

await runOnObserved({
  name: 'docs:screenshots',
  description: 'Takes the pictures of live page, report and dashboards in docs/screenshots again.',
  work: async ([part]) => {
    await mkdir(FOLDER, { recursive: true });
    if (part !== undefined) await showRun(part);
    const say = (line: string) => process.stderr.write(`docs:screenshots: ${line}\n`);
    await withLiveBatches({ root, signal: listenForInterrupt(), say }, async ({ url, batchId, settled }) => {
      tell(await takeScreenshots(picturesOfLivePage(url, batchId, settled), FOLDER));
    });
  },
});

async function showRun(part: string): Promise<void> {
  const dashboards = await drawDashboards(part);
  if (dashboards === null) return;
  const report = await writeReport(await RunDirectory.open(part));
  tell(await takeScreenshots(picturesOfRun({ report, dashboards }), FOLDER));
}

function tell(files: readonly string[]): void {
  process.stdout.write(`${files.join('\n')}\n`);
}
