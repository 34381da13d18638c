/** The preview of a small recorded answer set: what each panel of each dashboard must show of it, or say it has not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allDashboards } from '../../../artefacts/grafana/all-dashboards.ts';
import { type PanelView, panelsOf, queriesOf } from '../../../distributed/observe/dashboard-queries.ts';
import {
  PANELS_FILE,
  type PanelRecord,
  recordedAnswer,
  recordStepMs,
} from '../../../distributed/observe/panel-record.ts';
import { newestObservedParts, observedParts } from '../../../distributed/preview/observed-runs.ts';
import { legendOf } from '../../../distributed/preview/panel-curves.ts';
import { drawPanel } from '../../../distributed/preview/panel-view.ts';
import { previewPage } from '../../../distributed/preview/preview-page.ts';

const FILES = allDashboards();
const PANELS = FILES.flatMap(panelsOf);
const SPAN = { fromMs: 1_000_000, toMs: 1_060_000 };
const STEP_MS = recordStepMs(SPAN, 1_000);
const VALUES = { timesMs: [1_000_000, 1_001_000, 1_003_000], values: [2, 8, 4] };

/** Every label a legend asks for has a value that says which label it is. */
function labelsFor(expr: string): Record<string, string> {
  const formats = PANELS.flatMap(({ targets = [] }) => targets).filter((target) => target.expr === expr);
  const names = formats.flatMap(({ legendFormat = '' }) => [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)]);
  return Object.fromEntries(names.map(([, name = '']) => [name, `some-${name}`]));
}

function recordOf(seriesFor: (expr: string) => Record<string, string>[]): PanelRecord {
  const answers = FILES.flatMap(queriesOf).map((query) => {
    const series = seriesFor(query.expr).map((labels) => ({ labels, ...VALUES }));
    return recordedAnswer(query, series, { span: SPAN, stepMs: STEP_MS, excuse: null });
  });
  return { scenario: 'crash', fromMs: SPAN.fromMs, stepMs: STEP_MS, answers };
}

const FULL = recordOf((expr) => [labelsFor(expr)]);

function panel(title: string, dashboard = 'els-overview.json'): PanelView {
  const found = PANELS.find((each) => each.title === title && each.dashboard === dashboard);
  if (found === undefined) throw new Error(`there is no ${title}`);
  return found;
}

test('every panel is drawn with its title, unit, description and way on', async () => {
  const page = await previewPage(FILES, FULL);
  expect(PANELS.length).toBeGreaterThan(80);
  for (const each of PANELS) {
    const { html } = drawPanel(each, FULL);
    expect(page).toContain(html.text);
    expect(html.text).toMatch(
      /class="unit">(time|count|share|bytes|per second|per minute|no unit)<[\s\S]*class="note">.{20}[\s\S]*href="#els-\w+"/,
    );
  }
});

test('every curve has the name that its legend makes of the labels', () => {
  for (const each of PANELS.filter(({ type }) => type === 'timeseries')) {
    const { plot } = drawPanel(each, FULL);
    const expected = (each.targets ?? []).map(({ legendFormat = '' }) =>
      legendFormat.replace(/\{\{(\w+)\}\}/g, 'some-$1'),
    );
    expect(plot?.series.map(({ label }) => label)).toEqual(expected);
    expect(plot?.hasLegend).toBe(each.options?.legend?.showLegend);
  }
  expect(legendOf('{{a}} {{gone}}!', { a: 'x' })).toBe('x !');
  expect(legendOf('', { a: 'x', b: 'y' })).toBe('a=x, b=y');
});

test('values are in the unit of the panel, and its limits are beside them', () => {
  const { plot, html } = drawPanel(panel('Completion latency P99'), FULL);
  expect(plot).toMatchObject({
    unit: 's',
    limits: [
      { value: 0.05, tone: 'open' },
      { value: 1, tone: 'bad' },
    ],
  });
  expect(plot?.series[0]?.total).toMatchObject({ min: 2, max: 8, last: 4, samples: 3 });
  expect(html.text).toContain('warning from 50 ms');
  expect(html.text).toContain('bad from 1 s');
  const share = drawPanel(panel('Share of connections in use', 'els-postgres.json'), FULL);
  expect(share.plot).toMatchObject({ unit: '%', limits: [{ value: 80, tone: 'bad' }] });
});

test('a figure shows its newest value in the colour of its limits, with a lower one as well', () => {
  expect(drawPanel(panel('Dead letters'), FULL).html.text).toMatch(/class="open"><dt>some-reason<\/dt><dd>4<\/dd>/);
  const none = { ...FULL, answers: FULL.answers.map((each) => ({ ...each, series: [{ labels: {}, values: [0] }] })) };
  expect(drawPanel(panel('Workers'), none).html.text).toMatch(
    /class="bad"><dt>workers<\/dt><dd>0<\/dd>[\s\S]*bad below 1/,
  );
  expect(drawPanel(panel('Workers'), FULL).html.text).toMatch(/class="good"/);
});

test('a timeline has bars for as long as its value is not zero', () => {
  const { html } = drawPanel(panel('Faults', 'els-run.json'), FULL);
  expect(html.text).toContain('some-fault some-target');
  expect(html.text.match(/<i class="good"[^>]*title="([^"]*)"/g)).toHaveLength(3);
});

test('a panel without data says so, with the reason if one is known', () => {
  const empty = recordOf(() => []);
  const excused = { ...empty, answers: empty.answers.map((each) => ({ ...each, excuse: 'no exporter of kafka' })) };
  const unasked = { ...empty, answers: [] };
  for (const each of PANELS) {
    expect(drawPanel(each, empty)).toMatchObject({
      plot: null,
      html: { text: expect.stringContaining('<strong>No data</strong>') },
    });
  }
  expect(drawPanel(panel('Lag'), excused).html.text).toContain('No data</strong> no exporter of kafka');
  expect(drawPanel(panel('Lag'), unasked).html.text).toContain('before the dashboard asked this');
});

test('a record stays small however many series and however long the run', () => {
  const span = { fromMs: 0, toMs: 3_600_000 };
  const stepMs = recordStepMs(span, 1_000);
  const timesMs = Array.from({ length: 3_600 }, (_, second) => second * 1_000);
  const series = Array.from({ length: 500 }, (_, at) => ({ labels: { at: `${at}` }, timesMs, values: timesMs }));
  const query = FILES.flatMap(queriesOf)[0];
  if (query === undefined) throw new Error('no query');
  const answer = recordedAnswer(query, series, { span, stepMs, excuse: null });
  expect(answer.series.length + answer.leftOut).toBe(500);
  expect(JSON.stringify(answer).length).toBeLessThan(60_000);
  expect(answer.series[0]?.values.slice(0, 2)).toEqual([0, stepMs]);
});

describe('which run', () => {
  let parent: string;
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'els-preview-'));
  });
  afterAll(() => rmSync(parent, { recursive: true }));

  test('without one, the command that makes one is named', async () => {
    mkdirSync(join(parent, '2026-08-01-plain'));
    await expect(newestObservedParts(parent)).rejects.toThrow(/no run in .* was observed; make one with `pnpm test/);
    await expect(observedParts(join(parent, '2026-08-01-plain'))).rejects.toThrow(/was not run with --observe/);
    await expect(observedParts(join(parent, 'typo'))).rejects.toThrow(/typo does not exist/);
  });

  test('the newest that was observed, each of its parts', async () => {
    for (const run of ['2026-08-02-a', '2026-08-03-b']) {
      for (const part of ['one', 'two']) {
        mkdirSync(join(parent, run, 'parts', part), { recursive: true });
        writeFileSync(join(parent, run, 'parts', part, PANELS_FILE), '{}');
      }
    }
    mkdirSync(join(parent, '2026-08-04-not-observed'));
    const newest = join(parent, '2026-08-03-b', 'parts');
    expect(await newestObservedParts(parent)).toEqual([join(newest, 'one'), join(newest, 'two')]);
    expect(await observedParts(join(newest, 'two'))).toEqual([join(newest, 'two')]);
  });
});
