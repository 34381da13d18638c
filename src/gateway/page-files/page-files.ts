/**
 * The files of the live page, read once: as a build left them, or, where this runs from a checkout, made from their
 * sources at the first request. Each is named with a hash of all, so that a browser may keep it for ever.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PageBundle } from './bundle-page.ts';

export const SCRIPT_FILE = 'page.js';
export const STYLES_FILE = 'page.css';
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0b5cad"/>
<g fill="#fff"><rect x="6" y="6" width="8" height="8" rx="2"/><rect x="18" y="6" width="8" height="8" rx="2"/>
<rect x="6" y="18" width="8" height="8" rx="2"/></g>
<rect x="19" y="19" width="6" height="6" rx="1.5" fill="none" stroke="#fff" stroke-width="2"/></svg>`;

export interface PageFile {
  readonly type: string;
  readonly text: string;
}

export interface Page {
  readonly html: string;
  readonly hash: string;
  readonly files: ReadonlyMap<string, PageFile>;
}

export class PageFiles {
  private readonly folder: string;
  private page: Promise<Page> | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  read(): Promise<Page> {
    this.page ??= this.load().catch((error: unknown) => {
      this.page = undefined;
      throw error;
    });
    return this.page;
  }

  private async load(): Promise<Page> {
    const { script, styles } = await this.bundle();
    const hash = createHash('sha256').update(script).update(styles).update(ICON).digest('hex').slice(0, 16);
    const files = new Map<string, PageFile>([
      [SCRIPT_FILE, { type: 'text/javascript; charset=utf-8', text: script }],
      [STYLES_FILE, { type: 'text/css; charset=utf-8', text: styles }],
      ['icon.svg', { type: 'image/svg+xml', text: ICON }],
    ]);
    return { html: htmlOf(hash), hash, files };
  }

  private async bundle(): Promise<PageBundle> {
    if (!existsSync(join(this.folder, SCRIPT_FILE)) && existsSync(join(this.folder, 'main.tsx'))) {
      const { bundlePage } = await import('./bundle-page.ts');
      return bundlePage(this.folder);
    }
    const [script, styles] = await Promise.all(
      [SCRIPT_FILE, STYLES_FILE].map((name) => readFile(join(this.folder, name), 'utf8')),
    );
    return { script: script ?? '', styles: styles ?? '' };
  }
}

function htmlOf(hash: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Batches</title>
<link rel="icon" href="/assets/icon.svg?v=${hash}">
<link rel="stylesheet" href="/assets/${STYLES_FILE}?v=${hash}">
<script type="module" src="/assets/${SCRIPT_FILE}?v=${hash}"></script>
</head>
<body>
<div id="page"><noscript><p>This page shows batches while they fill; it needs JavaScript.</p></noscript></div>
</body>
</html>
`;
}
