/** What an alert sends somebody to is there: its page, its dashboard, each command with its options, each setting. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { allDashboards } from '../../artefacts/grafana/all-dashboards.ts';
import { projectRoot } from '../../distributed/stack/process/project-root.ts';
import { SETTING_NAMES } from '../../src/config/config-schema.ts';
import { AdminInMemory } from '../support/admin.ts';

interface Alert {
  readonly alert: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const folder = join(projectRoot(), 'docs', 'runbooks');
const pages = readdirSync(folder).filter((name) => name !== 'README.md');
const pageText = (name: string) => readFileSync(join(folder, name), 'utf8');
const alerts: Alert[] = ['alerts', 'at-once'].flatMap((name) => {
  const { groups } = parse(readFileSync(join(projectRoot(), 'prometheus', 'rules', `${name}.rules.yml`), 'utf8'));
  return groups.flatMap(({ rules }: { rules: Alert[] }) => rules);
});

/** In backticks or a line of its own, with pnpm before it or not. */
function commandsIn(text: string): string[] {
  return [...text.matchAll(/(?:`|^)(?:pnpm )?(els [^`\n#]+)/gm)].map(([, command]) => (command ?? '').trim());
}

test('every alert has a page, a dashboard and nothing of another, and every page an alert', () => {
  const uids = allDashboards().map(({ dashboard }) => dashboard.uid);
  for (const { alert, annotations } of alerts) {
    expect(annotations['runbook_url']).toBe(`{{ $externalLabels.docs_url }}/runbooks/${alert}.md`);
    const uid = /\/d\/([a-z-]+)$/.exec(annotations['dashboard_url'] ?? '')?.[1];
    expect([alert, uids.includes(uid ?? '')]).toEqual([alert, true]);
    expect([alert, existsSync(join(folder, `${alert}.md`))]).toEqual([alert, true]);
  }
  expect(pages.sort()).toEqual(alerts.map(({ alert }) => `${alert}.md`).sort());
});

test.each(pages)('%s says what it means, how to look, how to mend and when to worry', (page) => {
  const text = pageText(page);
  expect(text.startsWith(`# ${page.replace('.md', '')}\n`)).toBe(true);
  expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
    'How to look',
    'How to mend',
    'When to worry',
  ]);
  expect(pageText('README.md')).toContain(`(${page})`);
});

test('every command that a rule or page names exists, with its options', async () => {
  const texts = [...alerts.map(({ annotations }) => annotations['action'] ?? ''), ...pages.map(pageText)];
  const commands = new Set(texts.flatMap(commandsIn));
  expect(commands.size).toBeGreaterThan(15);
  for (const command of commands) {
    const words = command.split(/\s+/).slice(1);
    const options = words.filter((word) => word.startsWith('--'));
    const end = words.findIndex((word) => !/^[a-z]+$/.test(word));
    const path = end === -1 ? words : words.slice(0, end);
    const { code, stdout } = await new AdminInMemory().run(...path, '--help');
    expect([command, code, stdout.includes(`Usage: els ${path.join(' ')}`)]).toEqual([command, 0, true]);
    for (const option of options) expect([command, stdout.includes(`${option} `)]).toEqual([command, true]);
  }
});

test('every setting that a page names is one', () => {
  const named = pages.flatMap((page) => [...pageText(page).matchAll(/`([A-Z]+_[A-Z_]+)[=`]/g)].map(([, name]) => name));
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !(SETTING_NAMES as readonly string[]).includes(name ?? ''))).toEqual([]);
});
