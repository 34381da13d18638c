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
const PLOTS_DRAWN = 'document.documentElement.dataset.drawnMs !== undefined';

export interface Picture {
  readonly name: string;
  readonly url: string;
  readonly view: BrowserContextOptions;
  /** When the page is drawn, as an expression in it. */
  readonly isDrawn: string;
  /** Scrolled to; the top, if not given. */
  readonly at?: string;
}

/** Of a run's report and dashboards, given as files. */
export function picturesOfRun({ report, dashboards }: { report: string; dashboards: string }): Picture[] {
  const of = (file: string) => ({ url: pathToFileURL(file).href, isDrawn: PLOTS_DRAWN });
  return [
    { name: 'report.png', ...of(report), view: DESKTOP },
    { name: 'report-plots.png', ...of(report), view: DESKTOP, at: '.plots' },
    { name: 'report-phone.png', ...of(report), view: PHONE },
    { name: 'dashboards.png', ...of(dashboards), view: DESKTOP },
  ];
}

/** Of a gateway's page: the list, and one batch when so many of its slots are settled. */
export function picturesOfLivePage(url: string, batchId: string, settled: number): Picture[] {
  const batch = {
    url: `${url}/batches/${encodeURIComponent(batchId)}`,
    isDrawn: `document.querySelector('.grid')?.dataset.version === '${settled}'`,
  };
  return [
    { name: 'live-batch.png', ...batch, view: DESKTOP },
    { name: 'live-batch-phone.png', ...batch, view: PHONE },
    { name: 'live-list.png', url, isDrawn: `document.querySelector('.batches .batch') !== null`, view: DESKTOP },
  ];
}

/** Returns the files it wrote. */
export async function takeScreenshots(pictures: readonly Picture[], folder: string): Promise<string[]> {
  const browser = await launchChromium();
  try {
    const files: string[] = [];
    for (const { name, url, view, isDrawn, at } of pictures) {
      const page = await browser.newPage(view);
      await page.goto(url);
      await untilDrawn(page, isDrawn);
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

function untilDrawn(page: Page, isDrawn: string): Promise<void> {
  const failure = new Error(`${page.url()} is not drawn after ${DRAWN_MS_MAX / 1_000} s`);
  return until(() => page.evaluate<boolean>(isDrawn), failure, { limitMs: DRAWN_MS_MAX, intervalMs: LOOK_AGAIN_MS });
}
