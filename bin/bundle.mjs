/**
 * A program of the sources as one file, made anew by esbuild in a few hundredths of a second, so that nobody runs what
 * he built yesterday: it starts in a third of the time that loading each module by itself takes. The file is named by
 * what is in it and appears whole, because many programs start at the same moment, also of several checkouts that
 * share their packages.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, stop } from 'esbuild';

const folder = fileURLToPath(new URL('../node_modules/.cache/els', import.meta.url));
const KEPT_MS = 24 * 60 * 60 * 1000;

/** @param {string} source absolute path @returns {Promise<string>} absolute path of what Node runs */
export async function bundled(source) {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
    // A program finds what lies beside its source, not beside the file made of it.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(source).href) },
  });
  // Its process would stay as long as ours does; buildSync leaves a thread.
  await stop();
  const [{ contents }] = outputFiles;
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 16);
  const path = join(folder, `${basename(source, '.ts')}-${hash}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const own = `${path}-${process.pid}`;
  writeFileSync(own, contents);
  renameSync(own, path);
  for (const name of readdirSync(folder)) removeOld(join(folder, name));
  return path;
}

/** Of sources that have changed since; somebody else may have done it. */
function removeOld(path) {
  const { mtimeMs = Number.POSITIVE_INFINITY } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (Date.now() - mtimeMs > KEPT_MS) rmSync(path, { force: true });
}
