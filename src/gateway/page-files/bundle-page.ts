/** From the page's sources to what a browser loads. Needs esbuild, which only a checkout has: import it when needed. */
import { build } from 'esbuild';

export interface PageBundle {
  readonly script: string;
  readonly styles: string;
}

export async function bundlePage(sourceFolder: string): Promise<PageBundle> {
  const { outputFiles } = await build({
    absWorkingDir: sourceFolder,
    entryPoints: { page: 'main.tsx' },
    outdir: sourceFolder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    write: false,
  });
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { script: text('.js'), styles: text('.css') };
}
