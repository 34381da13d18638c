/** Pictures of pages as a reader first sees them: what is in sight when a page was opened and drawn. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { until } from '../stack/process/until.ts';
import { launchChromium } from './chromium.ts';

const DESKTOP: BrowserContextOptions = { viewport: { width: 1_280, height: 960 } };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, colorScheme: 'dark' };
const DRAWN_MS_MAX = 20_000;
const LOOK_AGAIN_MS = 50;

interface Picture {
  readonly name: string;
  readonly page: string;
  readonly view: BrowserContextOptions;
  /** Scrolled to; the top, if not given. */
  readonly at?: string;
}

export interface PagesToShow {
  readonly report: string;
  readonly dashboards: string;
}

/** Returns the files it wrote. */
export async function takeScreenshots({ report, dashboards }: PagesToShow, folder: string): Promise<string[]> {
  const pictures: Picture[] = [
    { name: 'report.png', page: report, view: DESKTOP },
    { name: 'report-plots.png', page: report, view: DESKTOP, at: '.plots' },
    { name: 'report-phone.png', page: report, view: PHONE },
    { name: 'dashboards.png', page: dashboards, view: DESKTOP },
  ];
  const browser = await launchChromium();
  try {
    const files: string[] = [];
    for (const { name, page: html, view, at } of pictures) {
      const page = await browser.newPage(view);
      await page.goto(pathToFileURL(html).href);
      await untilDrawn(page);
      if (at !== undefined) await page.evaluate(`document.querySelector('${at}')?.scrollIntoView()`);
      const path = join(folder, name);
      await page.screenshot({ path });
      await page.close();
      files.push(path);
    }
    return files;
  } finally {
    await browser.close();
  }
}

function untilDrawn(page: Page): Promise<void> {
  const isDrawn = () => page.evaluate<boolean>('document.documentElement.dataset.drawnMs !== undefined');
  const failure = new Error(`${page.url()} is not drawn after ${DRAWN_MS_MAX / 1_000} s`);
  return until(isDrawn, failure, { limitMs: DRAWN_MS_MAX, intervalMs: LOOK_AGAIN_MS });
}
