/** What was run, on what, the command that repeats it, and where to look further. */
import type { Environment } from '../../run/environment.ts';
import { formatBytes } from '../format.ts';
import type { Further } from '../gather-further.ts';
import { type Html, html } from '../html.ts';
import { sentenceCase } from '../wording.ts';
import { readableTime } from './verdict-section.ts';

/** Said elsewhere on the page, or about the clock of the generator only. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['seed', 'startAtMs']);
const NAMES: Readonly<Record<string, string>> = {
  ratePerSecond: 'Inputs per second',
  workerEnv: 'Settings of the workers',
  cpuCores: 'Cores the workers may use',
};

export function factsSection(environment: Environment): Html {
  const { servers, commit, node, platform, cores, memoryBytes, runId, seed, stack, options } = environment;
  const server = ({ version, real }: { version: string; real: boolean }) =>
    `${version}${real ? '' : ' (a stand-in, not the real server)'}`;
  const facts: [string, string][] = [
    ['Run', runId],
    ['Seed', String(seed)],
    ['Started', readableTime(environment.startedAt)],
    ['Stack', stack],
    ['PostgreSQL', server(servers.postgres)],
    ['Redis', server(servers.redis)],
    ['Kafka', server(servers.kafka)],
    ['Commit', commit ?? 'not from a git checkout'],
    ['Node', node],
    ['Machine', `${platform}, ${cores} cores, ${formatBytes(memoryBytes)} memory`],
    ...Object.entries(options).flatMap(([name, value]): [string, string][] => {
      const text = NOT_SHOWN.has(name) ? '' : optionText(name, value);
      return text === '' ? [] : [[optionName(name), text]];
    }),
  ];
  const rows = facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`);
  return html`
<section id="facts"><h2>Run facts</h2>
<p>To repeat this run:</p><pre tabindex="0"><code>${environment.replay}</code></pre>
<div class="scroll"><table class="facts"><tbody>${rows}</tbody></table></div></section>`;
}

function optionName(name: string): string {
  const words = sentenceCase(name.replace(/Percent$|Seconds$/, ''));
  return NAMES[name] ?? `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

/** Nothing where an option is not in effect. */
function optionText(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (name === 'ratePerSecond' && value === 0) return 'as many as Kafka takes';
  if (name.endsWith('Percent')) return `${String(value)}%`;
  if (name.endsWith('Seconds')) return `${String(value)} s`;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(String).join(', ');
  if (typeof value !== 'object') return String(value);
  const isSettings = name === 'workerEnv';
  return Object.entries(value)
    .map(([key, each]) => (isSettings ? `${key}=${String(each)}` : `${sentenceCase(key)} ${String(each)}`))
    .join(', ');
}

export function furtherSection({ logs, dashboards, isObserved, prometheus, directory }: Further): Html | null {
  if (logs.length === 0 && prometheus === null && !isObserved) return null;
  const linkOf = (file: string, text: string) => html`<a href="${file}">${text}</a> `;
  const command = (says: string, line: string) =>
    html`<p class="hint">${says}</p><pre tabindex="0"><code>${line}</code></pre>`;
  return html`
<section id="further"><h2>Look further</h2>
${logs.length > 0 && html`<p>Logs: ${logs.map((file) => linkOf(file, file.replace(/^logs\/|\.jsonl$/g, '')))}</p>`}
${logs.length > 0 && command('What all processes logged about one batch, in order of time:', `pnpm test:distributed logs ${directory} --batch BATCH_ID`)}
${dashboards.length > 0 && html`<p>Dashboards as they looked: ${dashboards.map((file) => linkOf(file, file))}</p>`}
${isObserved && command('Every panel of the dashboards, drawn from what Prometheus answered:', `pnpm grafana:preview ${directory}`)}
${prometheus !== null && command('What Prometheus sampled, for questions of your own:', `prometheus --config.file=/dev/null --storage.tsdb.path=${prometheus} --storage.tsdb.retention.time=10y`)}
</section>`;
}
