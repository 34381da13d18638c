/** The live page as a test looks at it. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { type Opened, openAddress } from './browser-page.ts';
import { waitFor } from './wait-for.ts';

const DEADLINE_MS = 40_000;

export function openPage(browser: Browser, address: string, options: BrowserContextOptions): Promise<Opened> {
  const { origin } = new URL(address);
  return openAddress(browser, address, options, (url) => url.startsWith(origin));
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
