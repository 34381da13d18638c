/** The live page in a real browser, before a real gateway and a real worker: what it shows is what the tables hold. */
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { launchChromium } from '../../../distributed/screenshots/chromium.ts';
import { hasText, isLive, openPage, shownSlots, until, versionIs } from '../../support/live-page.ts';
import { tokenOf, WITH_TOKENS } from '../../support/user-tokens.ts';
import { waitFor } from '../../support/wait-for.ts';
import { WorkerFixture } from '../../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../../support/worker/worker-program.ts';

const INSTALL_MS_MAX = 700_000;
const DEADLINE_MS = 40_000;
/** From opening to 10 000 slots: of the processor, and by the clock of a machine that is busy with other tests. */
const PAINTING_MS_MAX = 1000;
const PAINTED_MS_MAX = 6000;
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 } };

jest.setTimeout(120_000);

let fixture: WorkerFixture;
let gateway: WorkerProgram;
let browser: Browser;
let base = '';

beforeAll(async () => {
  [browser, fixture] = await Promise.all([launchChromium(), WorkerFixture.open({ inboundPartitions: 4 })]);
  [gateway] = await Promise.all([launchGateway('0'), fixture.launchReady('worker-1')]);
  base = `http://127.0.0.1:${Number(gateway.logged('http listening')?.['port'])}`;
}, INSTALL_MS_MAX);

afterAll(async () => {
  await browser?.close();
  await fixture?.close();
});

function launchGateway(port: string): Promise<WorkerProgram> {
  const env = { HTTP_PORT: port, HTTP_READS_PER_SECOND_MAX: '1000' };
  return fixture.launchReady('gateway-1', { program: 'src/bin/gateway.ts', env });
}

async function post(path: string, body: unknown): Promise<void> {
  const response = await fetch(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect([path, response.status]).toEqual([path, 202]);
  await response.arrayBuffer();
}

function register(batchId: string, count: number, course = 'ENG5'): Promise<void> {
  return post('/v1/batches', { batch_id: batchId, course_code: course, user_id: 'teacher-1', essay_count: count });
}

async function fill(batchId: string, from: number, to: number, perRequest = 10): Promise<void> {
  for (let start = from; start < to; start += perRequest) {
    const numbers = Array.from({ length: Math.min(perRequest, to - start) }, (_, index) => start + index);
    const contents = numbers.map((number) => ({
      file_upload_id: `${batchId}-u${number}`,
      text_storage_id: `${batchId}-t${number}`,
      original_file_name: `essay ${number} <b>.docx`,
    }));
    await post(`/v1/batches/${batchId}/contents`, { contents });
  }
}

async function fail(batchId: string, count: number): Promise<void> {
  const failures = Array.from({ length: count }, (_, number) => ({
    file_upload_id: `${batchId}-f${number}`,
    original_file_name: `scan ${number}.pdf`,
    validation_error_code: 'UNREADABLE',
    validation_error_message: 'no text in it',
  }));
  await post(`/v1/batches/${batchId}/failures`, { failures });
}

const open = (path: string, options: BrowserContextOptions = DESKTOP) => openPage(browser, `${base}${path}`, options);

async function tableSlots(batchId: string): Promise<string[]> {
  const rows = await fixture.sql<{ status: string }>('select status from slots where batch_id = $1 order by position', [
    batchId,
  ]);
  return rows.map(({ status }) => status);
}

function snapshotCount(sent: readonly string[]): number {
  return sent.filter((text) => text.startsWith('{"type":"snapshot"')).length;
}

test('a batch that is filled while it is watched is in the end what the tables hold, and nothing complains', async () => {
  const { page, complaints } = await open('/');
  await until(page, hasText('h2', 'No batch yet'), 'an empty list');
  await register('watched', 60);
  await until(page, hasText('[data-batch=watched]', '0 of 60 filled'), 'the batch in the list');
  await page.locator('[data-batch=watched] a').click();
  await until(page, `${isLive} && ${versionIs(0)}`, 'the batch, live');
  expect(new Set(await shownSlots(page))).toEqual(new Set(['open']));
  await fail('watched', 3);
  await fill('watched', 0, 60);
  await until(page, versionIs(60), 'all slots settled');
  await until(page, hasText('[data-tile=excess] dd', '3'), 'the excess');
  await until(page, hasText('[data-tile=announced] dd', 'published'), 'the completion, published');
  await until(page, `document.querySelectorAll('.leftovers li').length === 6`, 'failures and excess');
  expect(await shownSlots(page)).toEqual(await tableSlots('watched'));
  expect(await page.locator('.leftovers').first().textContent()).toContain('UNREADABLE no text in it');
  expect(await page.locator('.figure').textContent()).toBe('57 of 60 filled · 3 failed');
  await page.goBack();
  await until(page, hasText('[data-batch=watched]', '57 of 60 filled · 3 failed'), 'the list, as it is now');
  expect(complaints).toEqual([]);
  await page.close();
});

test('says so while its gateway is away, and goes on without a gap when it is back', async () => {
  await register('away', 200);
  const { page } = await open('/');
  const heard: string[] = [];
  const asked: string[] = [];
  page.on('websocket', (socket) => {
    asked.push(socket.url());
    socket.on('framereceived', ({ payload }) => heard.push(String(payload)));
  });
  await page.goto(`${base}/batches/away`);
  await until(page, `${isLive} && ${versionIs(0)}`, 'the batch, live');
  await fill('away', 0, 70);
  await until(page, versionIs(70), 'what came before');
  const { port } = new URL(base);
  await gateway.end();
  await until(page, hasText('[data-connection=away]', 'Reconnecting in'), 'that it is away');
  await until(page, hasText('[data-connection=away]', 'stale since'), 'since when');
  const records = Array.from({ length: 50 }, (_, index) => fixture.inputs.content('away', `late-${index}`));
  await fixture.send(records);
  gateway = await launchGateway(port);
  await until(page, `${isLive} && ${versionIs(120)}`, 'what was missed');
  await fill('away', 70, 150);
  await until(page, versionIs(200), 'all');
  expect(await shownSlots(page)).toEqual(await tableSlots('away'));
  expect(snapshotCount(heard)).toBe(1);
  expect(asked.at(-1)).toContain('after=70');
  await page.close();
});

test('shows ten thousand slots soon after it is opened, on a phone as well', async () => {
  await register('large', 10_000);
  await Promise.all([0, 1, 2].map((part) => fill('large', part * 3000, part * 3000 + 3000, 500)));
  await waitFor(async () => (await fixture.count(`slots where batch_id = 'large' and status = 'filled'`)) === 9000, {
    deadlineMs: DEADLINE_MS,
    what: '9000 filled slots',
  });
  for (const options of [DESKTOP, PHONE]) {
    const { page, complaints } = await open('/', options);
    const processor = await page.context().newCDPSession(page);
    await processor.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.goto(`${base}/batches/large`);
    await until(page, `document.querySelector('.grid')?.dataset.paintedMs !== undefined`, 'the slots');
    const paintedMs = Number(await page.locator('.grid').getAttribute('data-painted-ms'));
    const { metrics } = await processor.send('Performance.getMetrics');
    const paintingMs = Math.round((metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1000);
    const figures = `${paintedMs} ms after opening, ${paintingMs} ms of the processor`;
    process.stderr.write(`live page: 10 000 slots at ${options.viewport.width} px painted ${figures}\n`);
    expect(paintingMs).toBeLessThan(PAINTING_MS_MAX);
    expect(paintedMs).toBeLessThan(PAINTED_MS_MAX);
    const shown = await shownSlots(page);
    expect([shown.length, shown.filter((status) => status === 'filled').length]).toEqual([10_000, 9000]);
    expect(
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    ).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.close();
  }
});

test('is usable by keyboard alone: from the list into a batch, from slot to slot, and back', async () => {
  await register('keys', 40, 'KEYS1');
  await fill('keys', 0, 20);
  const { page } = await open('/?course=KEYS1');
  await until(page, hasText('[data-batch=keys]', '20 of 40 filled'), 'the batch');
  const press = async (key: string, times = 1) => {
    for (let count = 0; count < times; count += 1) await page.keyboard.press(key);
  };
  // Four filters, then the first batch.
  await press('Tab', 5);
  expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe('/batches/keys');
  await press('Enter');
  await until(page, versionIs(20), 'its slots');
  const focused = () => page.evaluate<string>('document.activeElement.ariaLabel ?? document.activeElement.textContent');
  // Into the page again, past the way back to the list.
  await page.locator('nav a').focus();
  await press('Tab');
  expect(await focused()).toBe('slot 1 filled');
  await until(page, hasText('.slot-detail', 'by worker-1'), 'who placed what');
  await press('ArrowRight', 2);
  expect(await focused()).toBe('slot 3 filled');
  await press('Control+End');
  expect(await focused()).toBe('slot 40 open');
  const [last] = await fixture.sql<{ essay_id: string }>(
    `select essay_id from slots where batch_id = 'keys' and position = 39`,
  );
  await until(page, hasText('.slot-detail', last?.essay_id ?? '?'), 'the essay of an open slot');
  await press('ArrowRight');
  expect(await focused()).toBe('slot 40 open');
  await press('Home');
  await press('ArrowUp');
  expect(await focused()).toMatch(/^slot \d+ (open|filled)$/);
  await press('Shift+Tab');
  expect(await focused()).toBe('Batches');
  await press('Enter');
  await until(page, `location.search === ''`, 'the list');
  await page.close();
});

test('keeps the filters in the address, and names what cannot be shown', async () => {
  await register('filtered', 5, 'MATH9');
  const { page } = await open('/');
  await until(page, `document.querySelectorAll('[data-batch]').length > 1`, 'more than one batch');
  await page.locator('input[name=course]').fill('MATH9');
  await until(page, `location.search === '?course=MATH9'`, 'the address');
  await until(page, `document.querySelectorAll('[data-batch]').length === 1`, 'one batch');
  await page.locator('select[name=state]').selectOption('complete');
  await until(page, hasText('h2', 'No batch matches'), 'that none matches');
  expect(page.url()).toBe(`${base}/?state=complete&course=MATH9`);
  await page.locator('.notice button').click();
  await until(page, `document.querySelectorAll('[data-batch]').length > 1`, 'all again');
  await page.goto(`${base}/batches/not-yet`);
  await until(page, hasText('h2', 'No such batch'), 'that there is none');
  await register('not-yet', 5);
  await until(page, hasText('.figure', '0 of 5 filled'), 'the batch, when it comes');
  await page.close();
});

test('asks for a token where the gateway asks who its users are, and shows each his own', async () => {
  const asking = await fixture.launchReady('gateway-2', { program: 'src/bin/gateway.ts', env: WITH_TOKENS });
  await register('mine', 10);
  await fill('mine', 0, 4);
  const address = `http://127.0.0.1:${Number(asking.logged('http listening')?.['port'])}/batches/mine`;
  for (const [subject, ready] of [
    ['teacher-1', `${isLive} && ${versionIs(4)}`],
    ['somebody-else', hasText('h2', 'No such batch')],
  ] as const) {
    const { page } = await openPage(browser, address, DESKTOP);
    await until(page, hasText('h2', 'Who asks?'), 'a question for a token');
    await page.locator('input[name=token]').fill('no token');
    await page.keyboard.press('Enter');
    await until(page, hasText('h2', 'This token is not taken'), 'a refusal');
    await page.locator('input[name=token]').fill(await tokenOf({ sub: subject }));
    await page.keyboard.press('Enter');
    await until(page, ready, `what ${subject} may see`);
    await page.close();
  }
});

test('stops asking while nobody looks', async () => {
  await register('hidden', 10);
  const { page } = await open('/batches/hidden');
  await until(page, `${isLive} && ${versionIs(0)}`, 'the batch, live');
  await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, get: () => globalThis.isHidden });
    globalThis.isHidden = true; document.dispatchEvent(new Event('visibilitychange'))`);
  await until(page, hasText('[data-connection=paused]', 'Paused'), 'a pause');
  await fill('hidden', 0, 10);
  await waitFor(async () => (await tableSlots('hidden')).every((status) => status === 'filled'), {
    deadlineMs: DEADLINE_MS,
    what: 'a full batch',
  });
  expect(await page.evaluate(versionIs(0))).toBe(true);
  await page.evaluate(`globalThis.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))`);
  await until(page, `${isLive} && ${versionIs(10)}`, 'what was missed');
  await page.close();
});

test.each(['light', 'dark'] as const)('axe finds nothing in the %s theme', async (colorScheme) => {
  const batchId = `axe-${colorScheme}`;
  await register(batchId, 30);
  await fail(batchId, 2);
  await fill(batchId, 0, 12);
  const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
  for (const [path, ready] of [
    [`/batches/${batchId}`, `${versionIs(14)} && document.querySelectorAll('.leftovers li').length === 2`],
    [`/?q=${batchId}`, hasText('[data-batch]', '12 of 30 filled')],
    ['/?course=NONE', hasText('h2', 'No batch matches')],
  ] as const) {
    const { page } = await open(path, { ...DESKTOP, colorScheme });
    await until(page, ready, path);
    await page.evaluate(axe);
    const found = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
      'axe.run().then(({ violations }) => violations)',
    );
    expect(found.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    await page.close();
  }
});
