#!/usr/bin/env node
/** `els`, ready within half a second: the sources where they are (a checkout), else what was built. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src', 'bin', 'admin.ts');

async function program() {
  if (!existsSync(source)) return join(root, 'dist', 'bin', 'admin.js');
  const { bundled } = await import('./bundle.mjs');
  return bundled(source);
}

await import(pathToFileURL(await program()).href);
