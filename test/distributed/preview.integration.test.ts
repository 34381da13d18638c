/** The preview in a real browser: every chart of every dashboard drawn, on a desk and on a phone. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { panelsOf, queriesOf } from '../../distributed/observe/dashboard-queries.ts';
import { type PanelRecord, recordedAnswer } from '../../distributed/observe/panel-record.ts';
import { previewPage } from '../../distributed/preview/preview-page.ts';
import { launchChromium } from '../../distributed/screenshots/chromium.ts';
import { picturesOfRun, takeScreenshots } from '../../distributed/screenshots/take-screenshots.ts';
import { coloursOfPlots, openDrawn, overflowOf } from '../support/browser-page.ts';

const INSTALL_MS_MAX = 700_000;
const SPAN = { fromMs: 0, toMs: 60_000 };
const STEP_MS = 1_000;
/** An empty page is a few thousand. */
const PICTURE_BYTES_MIN = 20_000;
const LONG = 'huleedu.batch.content.provisioning.completed.v1';

jest.setTimeout(60_000);

let browser: Browser;
let folder: string;
let file: string;

beforeAll(async () => {
  browser = await launchChromium();
  folder = mkdtempSync(join(tmpdir(), 'els-preview-'));
  file = join(folder, 'dashboards.html');
  writeFileSync(file, await previewPage(allDashboards(), record()));
}, INSTALL_MS_MAX);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

function record(): PanelRecord {
  const timesMs = Array.from({ length: 60 }, (_, second) => second * 1_000);
  const labels = { topic: LONG, instance: 'worker-1', consumergroup: LONG, fault: '</script>' };
  const series = [1, 2].map((factor) => ({ labels, timesMs, values: timesMs.map((timeMs) => (timeMs % 7) * factor) }));
  const answers = allDashboards()
    .flatMap(queriesOf)
    .map((query) => recordedAnswer(query, series, { span: SPAN, stepMs: STEP_MS, excuse: null }));
  return { scenario: 'crash', fromMs: SPAN.fromMs, stepMs: STEP_MS, answers };
}

test('every chart of every dashboard is drawn without a complaint', async () => {
  const { page, complaints } = await openDrawn(browser, file, { viewport: { width: 1_440, height: 900 } });
  const charts = allDashboards()
    .flatMap(panelsOf)
    .filter(({ type }) => type === 'timeseries');
  const colours = await coloursOfPlots(page);
  expect(colours).toHaveLength(charts.length);
  expect(Math.min(...colours)).toBeGreaterThan(20);
  expect(complaints).toEqual([]);
  await page.close();
});

test('a chart of several series names each with its newest and largest value', async () => {
  const { page } = await openDrawn(browser, file, { viewport: { width: 1_440, height: 900 } });
  const legend = page.locator('figure', { hasText: 'Inputs resolved by topic' }).first().locator('.u-series').nth(1);
  expect(await legend.textContent()).toMatch(/huleedu\.batch.*\d \/s, max \d/);
  await page.close();
});

test('pictures are taken of a page that is drawn', async () => {
  const files = await takeScreenshots(picturesOfRun({ report: file, dashboards: file }), folder);
  const sizes = files.map((each) => [basename(each), statSync(each).size > PICTURE_BYTES_MIN]);
  expect(sizes).toEqual(
    ['report.png', 'report-plots.png', 'report-phone.png', 'dashboards.png'].map((name) => [name, true]),
  );
});

test('the page does not scroll sideways on a phone, however long the names', async () => {
  const { page } = await openDrawn(browser, file, { viewport: { width: 390, height: 844 } });
  expect(await overflowOf(page)).toBe(0);
  await page.close();
});
