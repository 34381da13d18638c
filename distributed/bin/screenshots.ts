/** `pnpm docs:screenshots [run directory]`: takes the pictures in docs/screenshots again, from an observed run. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { PANELS_FILE, readPanelRecord } from '../observe/panel-record.ts';
import { NotObservedError, newestObservedParts, observedParts } from '../preview/observed-runs.ts';
import { previewPage } from '../preview/preview-page.ts';
import { writeReport } from '../report/report-page.ts';
import { RunDirectory } from '../run/run-directory.ts';
import { EXIT } from '../run/verdict.ts';
import { takeScreenshots } from '../screenshots/take-screenshots.ts';
import { projectRoot } from '../stack/process/project-root.ts';

const FOLDER = 'docs/screenshots';

await new Command('docs:screenshots')
  .description('Takes the pictures of report and dashboards in docs/screenshots again, from an observed run.')
  .argument('[directory]', 'a run directory or one of its parts (default: the newest observed run)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
  .action(async (directory?: string) => {
    try {
      const [part] = await (directory === undefined
        ? newestObservedParts(join(projectRoot(), 'runs'))
        : observedParts(directory));
      if (part !== undefined) await show(part);
    } catch (error) {
      if (!(error instanceof NotObservedError)) throw error;
      process.stderr.write(`docs:screenshots: ${error.message}\n`);
      process.exitCode = EXIT.usage;
    }
  })
  .parseAsync();

async function show(part: string): Promise<void> {
  const run = await RunDirectory.open(part);
  const record = await readPanelRecord(run.file(PANELS_FILE));
  if (record === null) return;
  const dashboards = run.file('dashboards.html');
  await writeFile(dashboards, await previewPage(allDashboards(), record));
  const folder = join(projectRoot(), FOLDER);
  await mkdir(folder, { recursive: true });
  const files = await takeScreenshots({ report: await writeReport(run), dashboards }, folder);
  process.stdout.write(`${files.join('\n')}\n`);
}
