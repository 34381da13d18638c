/** A command line that does something with the parts of an observed run: those of a directory, or of the newest one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { PANELS_FILE, readPanelRecord } from '../observe/panel-record.ts';
import { EXIT } from '../run/verdict.ts';
import { projectRoot } from '../stack/process/project-root.ts';
import { NotObservedError, newestObservedParts, observedParts } from './observed-runs.ts';
import { previewPage } from './preview-page.ts';

const PAGE_FILE = 'dashboards.html';

export interface ObservedCommand {
  readonly name: string;
  readonly description: string;
  readonly work: (parts: readonly string[]) => Promise<void>;
}

export async function runOnObserved({ name, description, work }: ObservedCommand): Promise<void> {
  await new Command(name)
    .description(description)
    .argument('[directory]', 'a run directory or one of its parts (default: the newest observed run)')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
    .action(async (directory?: string) => {
      try {
        await work(
          await (directory === undefined ? newestObservedParts(join(projectRoot(), 'runs')) : observedParts(directory)),
        );
      } catch (error) {
        if (!(error instanceof NotObservedError)) throw error;
        process.stderr.write(`${name}: ${error.message}\n`);
        process.exitCode = EXIT.usage;
      }
    })
    .parseAsync();
}

/** Returns the page it wrote beside the part's answers; null where there are none. */
export async function drawDashboards(part: string): Promise<string | null> {
  const record = await readPanelRecord(join(part, PANELS_FILE));
  if (record === null) return null;
  const page = join(part, PAGE_FILE);
  await writeFile(page, await previewPage(allDashboards(), record));
  return page;
}
