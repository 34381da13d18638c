/** The page in a real browser: what no other test can say about it. */
import { writeFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { comparePage } from '../../distributed/report/compare-page.ts';
import { compareRuns, loadRunResult } from '../../distributed/report/compare-runs.ts';
import { writeReport } from '../../distributed/report/report-page.ts';
import { launchChromium } from '../../distributed/screenshots/chromium.ts';
import { coloursOfPlots, type Opened, openDrawn, openPage, overflowOf, waitUntil } from '../support/browser-page.ts';
import { removeSampleFolders, type SampleOptions, sampleRun } from '../support/recorded/sample-run.ts';

const INSTALL_MS_MAX = 700_000;
/** Making the sample runs and their pages takes time of its own, more on a busy machine. */
const TEST_MS_MAX = 60_000;
const OPEN_MS_MAX = 2_000;
const DESKTOP = { viewport: { width: 1_280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };
const HOSTILE = '</script><script>document.title = "broken"</script>.docx';

jest.setTimeout(TEST_MS_MAX);

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
}, INSTALL_MS_MAX);

afterAll(async () => {
  await browser?.close();
  removeSampleFolders();
});

async function openReport(sample: SampleOptions, options: BrowserContextOptions = DESKTOP): Promise<Opened> {
  return openDrawn(browser, await writeReport(await sampleRun(sample)), options);
}

describe('the report in a browser', () => {
  test('opens without a complaint, with its verdict in sight and every plot drawn', async () => {
    const { page, complaints } = await openReport({ broken: ['I1'], fileName: HOSTILE });
    expect(await page.locator('#verdict').textContent()).toMatch(/^invalid$/i);
    expect((await page.locator('#verdict').boundingBox())?.y).toBeLessThan(200);
    const colours = await coloursOfPlots(page);
    expect(colours).toHaveLength(7);
    expect(Math.min(...colours)).toBeGreaterThan(20);
    expect(await page.title()).toBe('invalid: race_conditions, seed 42');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('shows the plots of 200 000 samples within two seconds of being opened', async () => {
    // Seven series of samples: two metrics of three processes and one of the run.
    const { page, complaints } = await openReport({ samples: Math.ceil(200_000 / 7) });
    const drawnMs = Number(await page.evaluate('document.documentElement.dataset.drawnMs'));
    expect(drawnMs).toBeGreaterThan(0);
    expect(drawnMs).toBeLessThan(OPEN_MS_MAX);
    expect(Math.min(...(await coloursOfPlots(page)))).toBeGreaterThan(20);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('follows the dark scheme, also while it is open', async () => {
    const { page } = await openReport({}, { ...DESKTOP, colorScheme: 'dark' });
    const lightness = () =>
      page.evaluate('getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)');
    expect(Math.max(...((await lightness()) as number[]))).toBeLessThan(60);
    const picture = "document.querySelector('[data-plot] canvas').toDataURL()";
    const dark = await page.evaluate(picture);
    await page.emulateMedia({ colorScheme: 'light' });
    await waitUntil(page, `${picture} !== ${JSON.stringify(dark)}`, 'the plots have other colours');
    expect(Math.min(...((await lightness()) as number[]))).toBeGreaterThan(200);
    expect(Math.min(...(await coloursOfPlots(page)))).toBeGreaterThan(20);
    await page.close();
  });

  test('does not scroll sideways on a phone, with everything unfolded', async () => {
    const { page } = await openReport({ broken: ['I1', 'I3'], fileName: `${'long'.repeat(60)}.docx` }, PHONE);
    expect(await overflowOf(page)).toBe(0);
    await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    expect(await overflowOf(page)).toBe(0);
    await page.close();
  });

  test('is used with the keyboard: a focused plot has a cursor with values, a legend entry hides its series', async () => {
    const { page } = await openReport({});
    const plot = page.locator('[data-plot="rss_bytes"]');
    await plot.focus();
    await page.keyboard.press('End');
    for (let press = 0; press < 3; press++) await page.keyboard.press('ArrowLeft');
    expect(await plot.locator('.u-series').nth(1).textContent()).toMatch(/worker-1:?\s*1\d\d MiB/);
    const entry = plot.locator('.u-series').nth(1).locator('th');
    await entry.focus();
    await page.keyboard.press('Enter');
    expect(await plot.locator('.u-series.u-off').count()).toBe(1);
    await page.close();
  });

  test('prints on light paper with its plots, whatever the screen', async () => {
    const { page, complaints } = await openReport({}, { ...DESKTOP, colorScheme: 'dark' });
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.locator('nav').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('a comparison opens as quietly, on a phone too', async () => {
    const [before, after] = [await sampleRun(), await sampleRun({ slowness: 3 })];
    const comparison = compareRuns(await loadRunResult(before.path), await loadRunResult(after.path));
    const file = after.file('compare.html');
    await writeFile(file, await comparePage(comparison));
    const { page, complaints } = await openPage(browser, file, PHONE);
    expect(await page.locator('#verdict').textContent()).toBe('B is worse than A');
    expect(await overflowOf(page)).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});
