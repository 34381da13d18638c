/** Script and styles of the page as text, ready to be put into one HTML file. Made once per process. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from '../stack/process/project-root.ts';

export interface PageAssets {
  readonly script: string;
  readonly styles: string;
}

let assets: Promise<PageAssets> | undefined;

export function pageAssets(): Promise<PageAssets> {
  assets ??= makeAssets();
  return assets;
}

async function makeAssets(): Promise<PageAssets> {
  const root = projectRoot();
  const page = join(root, 'distributed/report/page');
  const bundle = await build({
    absWorkingDir: root,
    entryPoints: [join(page, 'main.ts')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'none',
    write: false,
  });
  const styles = [
    join(root, 'node_modules/uplot/dist/uPlot.min.css'),
    join(root, 'src/gateway/page/theme/tokens.css'),
    join(root, 'src/gateway/page/theme/base.css'),
    join(page, 'report.css'),
    join(page, 'parts.css'),
    join(page, 'panels.css'),
  ];
  const texts = await Promise.all(styles.map((file) => readFile(file, 'utf8')));
  return { script: endSafe(bundle.outputFiles[0]?.text ?? ''), styles: endSafe(texts.join('\n')) };
}

/** No text of ours may end the element it stands in, nor open a comment there. In a string `<\/` means `</`. */
function endSafe(text: string): string {
  return text.replace(/<\/(script|style)/gi, '<\\/$1').replaceAll('<!--', '<\\!--');
}
