/** A page of ours in a real browser, with what it complained about. */
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { waitFor } from './wait-for.ts';

const DRAWN_MS_MAX = 10_000;

export interface Opened {
  readonly page: Page;
  /** Console messages, script errors and requests other than for the page itself: there must be none. */
  readonly complaints: string[];
}

/** Requests for anything but what `isOwn` are complaints. */
export async function openAddress(
  browser: Browser,
  address: string,
  options: BrowserContextOptions,
  isOwn: (url: string) => boolean,
): Promise<Opened> {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!isOwn(request.url())) complaints.push(`request for ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints };
}

export function openPage(browser: Browser, file: string, options: BrowserContextOptions): Promise<Opened> {
  const address = pathToFileURL(file).href;
  return openAddress(browser, address, options, (url) => url === address || url.startsWith('data:'));
}

export async function openDrawn(browser: Browser, file: string, options: BrowserContextOptions): Promise<Opened> {
  const opened = await openPage(browser, file, options);
  await waitUntil(opened.page, 'document.documentElement.dataset.drawnMs !== undefined', 'the plots are drawn');
  return opened;
}

/** The page's policy forbids `eval`, which the browser driver's own waiting needs. */
export function waitUntil(page: Page, condition: string, what: string): Promise<unknown> {
  return waitFor(() => page.evaluate<boolean>(condition), { deadlineMs: DRAWN_MS_MAX, what });
}

/** Of each plot, how many colours its canvas has: a blank one has one. */
export function coloursOfPlots(page: Page): Promise<number[]> {
  return page.evaluate(`[...document.querySelectorAll('[data-plot] canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  })`);
}

export function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
