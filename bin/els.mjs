#!/usr/bin/env node
/**
 * `els`, ready within half a second. Where sources are (a checkout) it runs them, bundled anew by esbuild in a few
 * hundredths of a second, so that nobody runs what he built yesterday; where only what was built is, that.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src', 'bin', 'admin.ts');

async function bundled() {
  const { buildSync } = await import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    packages: 'external',
    sourcemap: 'inline',
  });
  const folder = join(root, 'node_modules', '.cache', 'els');
  mkdirSync(folder, { recursive: true });
  // Whole or not at all: another command may run at the same moment.
  const own = join(folder, `admin-${process.pid}.mjs`);
  writeFileSync(own, outputFiles[0].text);
  const path = join(folder, 'admin.mjs');
  renameSync(own, path);
  return path;
}

const path = existsSync(source) ? await bundled() : join(root, 'dist', 'bin', 'admin.js');
await import(pathToFileURL(path).href);
