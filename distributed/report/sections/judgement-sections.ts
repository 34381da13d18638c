/** What was judged: invariants with their counterexamples, races, gates. */
import type { Check, Gate, Problem, Race } from '../../run/results.ts';
import { countOf, formatDuration, formatNumber, formatUnit } from '../format.ts';
import { type Html, html } from '../html.ts';
import { checkWording, gateWording, raceWording, signOf } from '../wording.ts';
import { badge } from './verdict-section.ts';

const ORDER = { bad: 0, open: 1, good: 2, plain: 3 } as const;

export interface Judgement {
  readonly checks: readonly Check[];
  readonly races: readonly Race[];
  readonly gates: readonly Gate[];
}

/** `prefix` keeps the ids of several parts apart. */
export function judgementSections(judgement: Judgement, prefix: string): Html {
  return html`${checksSection(judgement.checks, prefix)}${racesSection(judgement.races, prefix)}${gatesSection(judgement.gates, prefix)}`;
}

/** Broken ones first and open, then unknown ones; those that held are folded: nobody reads them unless in doubt. */
function checksSection(checks: readonly Check[], prefix: string): Html | null {
  if (checks.length === 0) return null;
  const held = checks.filter((check) => checkWording(check).tone === 'good');
  const others = checks
    .filter((check) => !held.includes(check))
    .sort((left, right) => ORDER[checkWording(left).tone] - ORDER[checkWording(right).tone]);
  return html`
<section id="${prefix}invariants"><h2>Invariants</h2>
${others.length > 0 && html`<div class="checks">${others.map((check) => checkItem(check, prefix))}</div>`}
${held.length > 0 && heldChecks(held, prefix)}</section>`;
}

function heldChecks(held: readonly Check[], prefix: string): Html {
  const judged = held.reduce((sum, check) => sum + check.judged, 0);
  return html`
<details class="passed good"><summary><span class="sign" aria-hidden="true">✓</span> ${countOf(held.length, 'check')} held over ${countOf(judged, 'operation')} judged</summary>
<p class="hint">“Judged” is the number of operations a check looked at. A check of nothing proves nothing and is unknown.</p>
<div class="checks">${held.map((check) => checkItem(check, prefix))}</div></details>`;
}

function checkItem(check: Check, prefix: string): Html {
  const wording = checkWording(check);
  const head = html`<span class="id">${check.id}</span><span class="title">${check.title}${check.note !== undefined && html`<span class="note">${check.note}</span>`}</span>
<span class="judged">${formatNumber(check.judged)} judged</span>${badge(wording)}`;
  if (check.problems.length === 0)
    return html`<div class="check ${wording.tone}" id="${prefix}${check.id}">${head}</div>`;
  const left = check.problemCount - check.problems.length;
  return html`
<details class="check ${wording.tone}" id="${prefix}${check.id}"${wording.tone === 'bad' && html` open`}>
<summary>${head}</summary>
<p class="count">${countOf(check.problemCount, 'problem')}${left > 0 && ` (the first ${check.problems.length} are kept)`}</p>
<ol class="problems">${check.problems.map(problemItem)}</ol></details>`;
}

function problemItem(problem: Problem): Html {
  const { message, batchId, records = [], timeline = [] } = problem;
  const startMs = timeline[0]?.wallMs ?? 0;
  const events = timeline.map(
    (event) => html`
<tr><td class="number">+${formatDuration(event.wallMs - startMs)}</td><td>${event.process ?? ''}</td><td>${event.text}</td></tr>`,
  );
  return html`
<li><p>${message}</p>
${batchId !== undefined && html`<p class="evidence">batch <code>${batchId}</code></p>`}
${records.length > 0 && html`<p class="evidence">evidence ${records.map((record) => html`<code>${record}</code> `)}</p>`}
${events.length > 0 && html`<div class="scroll"><table class="timeline"><thead><tr><th scope="col" class="number">Time</th><th scope="col">Process</th><th scope="col">What happened</th></tr></thead><tbody>${events}</tbody></table></div>`}
</li>`;
}

function racesSection(races: readonly Race[], prefix: string): Html | null {
  if (races.length === 0) return null;
  const rows = races.map((race) => {
    return html`<tr><th scope="row">${race.name}</th><td class="number">${formatNumber(race.seen)}</td>
<td class="number">${race.needed === 0 ? '–' : formatNumber(race.needed)}</td><td>${race.unit}</td><td>${badge(raceWording(race))}</td></tr>`;
  });
  return html`
<section id="${prefix}races"><h2>Races seen</h2>
<p class="hint">How often what the scenario is about really happened. Too rarely makes the verdict unknown.</p>
<div class="scroll"><table><thead><tr><th scope="col">Race</th><th scope="col" class="number">Seen</th><th scope="col" class="number">Needed</th><th scope="col">Unit</th><th scope="col">Verdict</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}

function gatesSection(gates: readonly Gate[], prefix: string): Html | null {
  if (gates.length === 0) return null;
  const rows = gates.map((gate) => {
    const measured = gate.measured === null ? '–' : formatUnit(gate.measured, gate.unit);
    const spread = gate.samples === undefined ? '' : `${gate.samples.length} runs`;
    return html`<tr><th scope="row">${gate.name}${gate.note !== undefined && html`<span class="note">${gate.note}</span>`}</th>
<td class="number">${measured}${spread !== '' && html`<span class="note">${spread}</span>`}</td>
<td class="number">${signOf(gate.comparison)} ${formatUnit(gate.target, gate.unit)}</td><td>${badge(gateWording(gate))}</td><td>${gate.source}</td></tr>`;
  });
  return html`
<section id="${prefix}gates"><h2>Gates</h2>
<div class="scroll"><table><thead><tr><th scope="col">Gate</th><th scope="col" class="number">Measured</th><th scope="col" class="number">Target</th><th scope="col">Verdict</th><th scope="col">Target from</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}
