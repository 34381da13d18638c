/** Bundles the live page into the build: `bundle-page SOURCE TARGET`. Part of `pnpm build`; a checkout needs none. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundlePage } from '../gateway/page-files/bundle-page.ts';
import { SCRIPT_FILE, STYLES_FILE } from '../gateway/page-files/page-files.ts';

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) throw new Error('usage: bundle-page SOURCE TARGET');
const { script, styles } = await bundlePage(resolve(source));
await mkdir(target, { recursive: true });
await Promise.all([writeFile(join(target, SCRIPT_FILE), script), writeFile(join(target, STYLES_FILE), styles)]);
