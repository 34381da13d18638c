/** What was run, on what, and the command that repeats it. */
import type { Environment } from '../../run/environment.ts';
import { formatBytes } from '../format.ts';
import { type Html, html } from '../html.ts';
import { readableTime } from './verdict-section.ts';

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
    ...Object.entries(options).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  ];
  const rows = facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`);
  return html`
<section id="facts"><h2>Run facts</h2>
<p>To repeat this run:</p><pre tabindex="0"><code>${environment.replay}</code></pre>
<div class="scroll"><table class="facts"><tbody>${rows}</tbody></table></div></section>`;
}
