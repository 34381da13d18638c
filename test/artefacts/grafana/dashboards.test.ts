import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allDashboards, DASHBOARD_FOLDER } from '../../../artefacts/grafana/all-dashboards.ts';
import { panelsOf } from '../../../distributed/observe/dashboard-queries.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';
import { type KnownMetrics, knownMetrics } from '../../support/known-metrics.ts';
import { metricsIn } from '../../support/prometheus-queries.ts';

const files = allDashboards();
const panels = files.flatMap(panelsOf);
const nameOf = ({ dashboard, title }: { dashboard: string; title: string }) => `${dashboard}: ${title}`;

interface Frame {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr?: string }[] };
}
const frames = files.map(({ text }) => JSON.parse(text) as Frame);

test('the committed dashboards are the generated ones (else run `pnpm grafana:generate`)', () => {
  const folder = join(projectRoot(), DASHBOARD_FOLDER);
  expect(readdirSync(folder).sort()).toEqual(files.map(({ name }) => name).sort());
  const different = files.filter(({ name, text }) => readFileSync(join(folder, name), 'utf8') !== text);
  const remedy = different.map(({ name }) => `${name} is out of date, run: pnpm grafana:generate`);
  expect(remedy).toEqual([]);
});

test('uids are fixed, for links and bookmarks', () => {
  expect(frames.map(({ uid }) => uid)).toEqual([
    'els-overview',
    'els-slots',
    'els-kafka',
    'els-postgres',
    'els-redis',
    'els-outbox',
    'els-gateway',
    'els-run',
  ]);
});

test('every panel has a title of its own, a description, a unit, queries and a place within 24 columns', () => {
  for (const panel of panels) {
    const lacks = {
      panel: nameOf(panel),
      description: (panel.description ?? '').length > 20,
      unit: panel.fieldConfig?.defaults.unit !== undefined,
      queries: (panel.targets ?? []).length > 0,
      fits: panel.gridPos.x + panel.gridPos.w <= 24,
    };
    expect(lacks).toEqual({ panel: nameOf(panel), description: true, unit: true, queries: true, fits: true });
  }
  expect(new Set(panels.map(nameOf)).size).toBe(panels.length);
});

test('a chart that can have several series names each and shows all of them under the pointer', () => {
  const charts = panels.filter(({ type }) => type === 'timeseries');
  expect(charts.length).toBeGreaterThan(50);
  for (const panel of charts) {
    const legends = (panel.targets ?? []).map(({ legendFormat }) => legendFormat ?? '');
    const isOfSeveral = legends.length > 1 || legends.some((legend) => legend.includes('{{'));
    const { legend, tooltip } = panel.options ?? {};
    expect({ panel: nameOf(panel), legend: legend?.showLegend, tooltip: tooltip?.mode, sort: tooltip?.sort }).toEqual({
      panel: nameOf(panel),
      legend: isOfSeveral,
      tooltip: 'multi',
      sort: 'desc',
    });
    expect({ panel: nameOf(panel), named: legends.every((each) => each.length > 0) }).toMatchObject({ named: true });
  }
});

test('every panel leads to another dashboard, with its time and instances', () => {
  const uids = frames.map(({ uid }) => uid);
  for (const panel of panels) {
    const leads = (panel.links ?? []).map(({ url }) => /^\/d\/([a-z-]+)\?/.exec(url)?.[1] ?? '');
    expect([nameOf(panel), leads.filter((uid) => uids.includes(uid) && `${uid}.json` !== panel.dashboard)]).toEqual([
      nameOf(panel),
      leads,
    ]);
    expect([nameOf(panel), leads.length]).toEqual([nameOf(panel), 1]);
  }
});

test('a figure whose description says that none is bad is red at none', () => {
  for (const panel of panels.filter(({ description }) => /red when there is none/i.test(description ?? ''))) {
    const [first, second] = panel.fieldConfig?.defaults.thresholds?.steps ?? [];
    expect([nameOf(panel), first?.color, second]).toEqual([nameOf(panel), 'red', { value: 1, color: 'green' }]);
    expect(panel.targets?.every(({ expr }) => expr.endsWith('or vector(0)'))).toBe(true);
  }
});

test('panels do not lie on each other, and ids are unique within a dashboard', () => {
  for (const { name, text } of files) {
    const taken = new Set<string>();
    const all = (
      JSON.parse(text) as { panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[] }
    ).panels;
    for (const { gridPos } of all) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([name, x, y, taken.has(`${x} ${y}`)]).toEqual([name, x, y, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  }
});

describe('a query', () => {
  let known: KnownMetrics;
  const queries = panels.flatMap((panel) => (panel.targets ?? []).map(({ expr }) => ({ panel: nameOf(panel), expr })));
  const others = frames.flatMap(({ templating, annotations }) => [
    ...templating.list.filter(({ name }) => name !== 'datasource').map(({ query }) => query),
    ...annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [expr])),
  ]);

  beforeAll(async () => {
    known = await knownMetrics();
  });

  test('of a panel asks for metrics that exist', () => {
    for (const { panel, expr } of queries) {
      const unknown = metricsIn(expr).filter((name) => !known.names.has(name));
      expect({ panel, unknown, names: metricsIn(expr).length > 0 }).toEqual({ panel, unknown: [], names: true });
    }
  });

  test('of a variable or an annotation asks for metrics that exist', () => {
    expect(others.length).toBeGreaterThan(files.length);
    for (const query of others) {
      const [, metric] = /^(?:label_values\()?([a-zA-Z_]+)/.exec(query) ?? [];
      expect([...known.names]).toContain(metric);
    }
  });

  test('selects by labels that the metric has, or that its target gives', () => {
    const fromTarget = ['job', 'instance', 'scenario', 'namespace', 'cluster'];
    for (const { panel, expr } of queries) {
      for (const [, metric = '', matchers = ''] of expr.matchAll(/([a-z_]+)\{([^}]*)\}/g)) {
        const labels = known.labelsOf(metric);
        if (labels === undefined) continue;
        const asked = [...matchers.matchAll(/([a-z_]+)=/g)].map(([, label = '']) => label);
        const unknown = asked.filter((label) => !labels.includes(label) && !fromTarget.includes(label));
        expect({ panel, unknown }).toEqual({ panel, unknown: [] });
      }
    }
  });

  test('never has a fixed range, which would be empty when the scrape interval is longer', () => {
    for (const { panel, expr } of queries) {
      const ranges = [...expr.matchAll(/\[([^\]]*)\]/g)].map(([, range]) => range);
      expect({ panel, fixed: ranges.filter((range) => range !== '$__rate_interval') }).toEqual({ panel, fixed: [] });
    }
  });
});

test('variables are datasource and instance everywhere, topic and scenario where they make sense', () => {
  const variables = Object.fromEntries(
    frames.map(({ uid, templating }) => [uid, templating.list.map(({ name }) => name).slice(4)]),
  );
  expect(variables).toEqual({
    'els-overview': [],
    'els-slots': ['topic'],
    'els-kafka': ['topic'],
    'els-postgres': [],
    'els-redis': [],
    'els-outbox': [],
    'els-gateway': [],
    'els-run': ['scenario'],
  });
  for (const { templating } of frames) {
    expect(templating.list.slice(0, 4).map(({ name }) => name)).toEqual([
      'datasource',
      'instance',
      'namespace',
      'cluster',
    ]);
  }
});

test('no data source is written into a dashboard', () => {
  for (const { text } of files) {
    const uids = new Set([...text.matchAll(/"type": "prometheus",\s+"uid": "([^"]*)"/g)].map(([, uid]) => uid));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills it in.
    expect([...uids]).toEqual(['${datasource}']);
  }
});
