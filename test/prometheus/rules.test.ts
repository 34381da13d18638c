import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { OPERATING_LIMITS, TARGETS } from '../../artefacts/targets.ts';
import { projectRoot } from '../../distributed/stack/process/project-root.ts';
import { scrapeConfiguration } from '../../distributed/stack/servers/prometheus.ts';
import { type KnownMetrics, knownMetrics } from '../support/known-metrics.ts';
import { metricsIn } from '../support/prometheus-queries.ts';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface RuleTest {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

const folder = join(projectRoot(), 'prometheus', 'rules');
const read = (file: string) => parse(readFileSync(join(folder, file), 'utf8'));
const rules: Rule[] = readdirSync(folder)
  .filter((file) => file.endsWith('.rules.yml'))
  .flatMap((file) => read(file).groups.flatMap(({ rules }: { rules: Rule[] }) => rules));
const alerts = rules.filter((rule) => rule.alert !== undefined);

describe('rules', () => {
  let known: KnownMetrics;

  beforeAll(async () => {
    known = await knownMetrics();
  });

  test('ask for metrics that exist or are recorded', () => {
    const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]));
    for (const { alert, record, expr } of rules) {
      const unknown = metricsIn(expr).filter((name) => !known.names.has(name) && !recorded.includes(name));
      expect({ rule: alert ?? record, unknown }).toEqual({ rule: alert ?? record, unknown: [] });
    }
  });
});

describe('an alert', () => {
  test('names a guarantee of ARCHITECTURE.md and what to do first', () => {
    const guarantees = readFileSync(join(projectRoot(), 'ARCHITECTURE.md'), 'utf8').match(/^\| G\d+(?= )/gm) ?? [];
    const ids = guarantees.map((cell) => cell.slice(2));
    expect(ids).toHaveLength(11);
    for (const { alert, annotations, labels } of alerts) {
      const named = (annotations?.['guarantee'] ?? '').split(', ');
      expect({ alert, unknown: named.filter((id) => !ids.includes(id)) }).toEqual({ alert, unknown: [] });
      expect({ alert, long: (annotations?.['action'] ?? '').length > 60 }).toEqual({ alert, long: true });
      expect(['warning', 'critical']).toContain(labels?.['severity']);
    }
  });

  test('is tested, firing and silent', () => {
    const cases: RuleTest[] = readdirSync(folder)
      .filter((file) => file.endsWith('.test.yml'))
      .flatMap((file) => read(file).tests);
    for (const { alert } of alerts) {
      const expected = cases.flatMap((each) => each.alert_rule_test).filter(({ alertname }) => alertname === alert);
      const kinds = new Set(expected.map(({ exp_alerts }) => (exp_alerts.length > 0 ? 'fires' : 'silent')));
      expect({ alert, kinds: [...kinds].sort() }).toEqual({ alert, kinds: ['fires', 'silent'] });
    }
  });

  test.each([
    ['ElsCompletionSlow', TARGETS.coordinationSecondsMax],
    ['ElsRedisSlow', TARGETS.redisOperationP95SecondsMax],
    ['ElsDatabaseSlow', TARGETS.databaseOperationAverageSecondsMax],
    ['ElsOutboxOld', OPERATING_LIMITS.outboxAgeSecondsMax],
    ['ElsPublishSlow', OPERATING_LIMITS.publishDelayP99SecondsMax],
    ['ElsPendingOld', OPERATING_LIMITS.pendingAgeSecondsMax],
    ['ElsBatchNeverRegistered', OPERATING_LIMITS.announcedAgeSecondsMax],
    ['ElsBatchOpenLong', OPERATING_LIMITS.openAgeSecondsMax],
    ['ElsUndecidedOften', OPERATING_LIMITS.undecidedShareMax],
    ['ElsConflictsOften', OPERATING_LIMITS.conflictShareMax],
    ['ElsEventLoopLag', OPERATING_LIMITS.eventLoopLagSecondsMax],
    ['ElsLagGrows', OPERATING_LIMITS.lagRecordsMax],
  ])('%s has the threshold that the dashboards draw', (name, threshold) => {
    const { expr } = alerts.find(({ alert }) => alert === name) ?? { expr: '' };
    expect(Number(/> ([\d.]+)$/.exec(expr.trim())?.[1])).toBe(threshold);
  });
});

test('a run is scraped as it tells by HTTP, at its own interval, with the rules of the checkout', () => {
  expect(parse(scrapeConfiguration('http://127.0.0.1:1/targets', 500, '/checkout'))).toEqual({
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: ['/checkout/prometheus/rules/*.rules.yml'],
    scrape_configs: [
      { job_name: 'run', http_sd_configs: [{ url: 'http://127.0.0.1:1/targets', refresh_interval: '1s' }] },
    ],
  });
});
