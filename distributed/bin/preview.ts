/** `pnpm grafana:preview [run directory]`: the dashboards of an observed run as pages that need no Grafana. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { PANELS_FILE, readPanelRecord } from '../observe/panel-record.ts';
import { NotObservedError, newestObservedParts, observedParts } from '../preview/observed-runs.ts';
import { previewPage } from '../preview/preview-page.ts';
import { EXIT } from '../run/verdict.ts';
import { projectRoot } from '../stack/process/project-root.ts';

const PAGE_FILE = 'dashboards.html';

await new Command('grafana:preview')
  .description('Draws every panel of every dashboard from what Prometheus answered in an observed run.')
  .argument('[directory]', 'a run directory or one of its parts (default: the newest observed run)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
  .action(async (directory?: string) => {
    try {
      const parts = await (directory === undefined
        ? newestObservedParts(join(projectRoot(), 'runs'))
        : observedParts(directory));
      for (const part of parts) await drawPart(part);
    } catch (error) {
      if (!(error instanceof NotObservedError)) throw error;
      process.stderr.write(`grafana:preview: ${error.message}\n`);
      process.exitCode = EXIT.usage;
    }
  })
  .parseAsync();

async function drawPart(part: string): Promise<void> {
  const record = await readPanelRecord(join(part, PANELS_FILE));
  if (record === null) return;
  const page = join(part, PAGE_FILE);
  await writeFile(page, await previewPage(allDashboards(), record));
  process.stdout.write(`${page}\n`);
}
