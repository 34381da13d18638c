/** Results in the README: the table between two marks there is written from a file, never by hand. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBenchResults } from './results.ts';
import { markdownTable } from './table.ts';

const BEGIN = '<!-- bench: written by pnpm bench --publish -->';
const END = '<!-- end of bench -->';

/** From the checkout: the file that README.md shows. */
export const PUBLISHED = 'distributed/bench/results/latest.json';

/** Keeps the results with the code, too, so that the table can be made again. */
export async function publish(root: string, file: string): Promise<void> {
  const results = await readBenchResults(file);
  await writeFile(join(root, PUBLISHED), `${JSON.stringify(results)}\n`);
  const readme = join(root, 'README.md');
  await writeFile(readme, withTable(await readFile(readme, 'utf8'), markdownTable(results)));
}

export function withTable(text: string, table: string): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} with ${END} behind it`);
  return `${text.slice(0, from)}${BEGIN}\n\n${table}\n\n${text.slice(to)}`;
}
