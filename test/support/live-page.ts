/** The live page as a test looks at it. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { waitFor } from './wait-for.ts';

const DEADLINE_MS = 40_000;

export interface OpenedPage {
  readonly page: Page;
  /** What the browser had to say against the page: there must be nothing. */
  readonly complaints: string[];
}

export async function openPage(browser: Browser, address: string, options: BrowserContextOptions): Promise<OpenedPage> {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(address).origin)) complaints.push(`request for ${request.url()}`);
  });
  await page.goto(address);
  return { page, complaints };
}

/** The page's policy forbids `eval`, which the browser driver's own waiting needs. */
export function until(page: Page, condition: string, what: string): Promise<unknown> {
  return waitFor(() => page.evaluate<boolean>(condition), { deadlineMs: DEADLINE_MS, what });
}

export const hasText = (selector: string, text: string) =>
  `[...document.querySelectorAll('${selector}')].some((each) => each.textContent.includes(${JSON.stringify(text)}))`;
export const isLive = `document.querySelector('[data-connection=live]') !== null`;
export const versionIs = (version: number) => `document.querySelector('.grid')?.dataset.version === '${version}'`;

/** By position, as it is seen. */
export function shownSlots(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('.grid .cell')].map((cell) => cell.classList[1])`);
}
