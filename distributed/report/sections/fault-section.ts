/** What was broken, who noticed and when, and when work was normal again: a table, and all faults on one scale of time. */
import type { FaultOutcome, Timing } from '../../run/fault-outcome.ts';
import { countOf, formatDuration } from '../format.ts';
import { type Html, html } from '../html.ts';
import { gateWording, type Wording } from '../wording.ts';
import { badge } from './verdict-section.ts';

/** More lanes than that are a wall; the table has all. */
const LANES_MAX = 40;

export interface FaultPlace {
  /** Keeps the ids of several parts apart. */
  readonly prefix: string;
  readonly startedAtMs: number;
  /** Of the first fault: of all parts before it there were others. */
  readonly firstNumber: number;
}

export function faultSection(faults: readonly FaultOutcome[] | undefined, place: FaultPlace): Html | null {
  if (faults === undefined || faults.length === 0) return null;
  return html`
<section id="${place.prefix}faults"><h2>Faults</h2>
<p class="hint">Noticed: when the last of the workers that need what was broken said so by HTTP. Alert: when the first one fired. Normal again: when in every partition with something to do the first input from then on was settled, and every worker that had said so said that it is well; from the fault's end, or from the fault itself where others go on in its place. Each within its limit; what cannot be told is not judged and says why.</p>
${faultTable(faults, place)}
${faultLanes(faults, place)}</section>`;
}

function faultTable(faults: readonly FaultOutcome[], { startedAtMs, firstNumber }: FaultPlace): Html {
  const rows = faults.map(({ fault, target, fromMs, untilMs, partitions, noticed, alerted, recovered }, index) => {
    const seconds = (atMs: number) => `${((atMs - startedAtMs) / 1_000).toFixed(1)} s`;
    return html`
<tr><th scope="row">F${firstNumber + index} ${fault}<span class="note">${target}</span></th>
<td class="number">${seconds(fromMs)}<span class="note">${untilMs === null ? 'not mended' : `until ${seconds(untilMs)}`}</span></td>
<td>${partitions === 0 ? 'nothing' : countOf(partitions, 'partition')}</td>
${timingCell(noticed, '')}${timingCell(alerted, '')}${timingCell(recovered, `from its ${recovered.from === 'end' ? 'end' : 'beginning'}; `)}</tr>`;
  });
  return html`
<div class="scroll"><table class="faults"><thead><tr><th scope="col">Fault</th><th scope="col" class="number">From</th><th scope="col">Met work in</th><th scope="col">Noticed</th><th scope="col">Alert</th><th scope="col">Normal again</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function timingCell(timing: Timing, how: string): Html {
  const { limitMs, note } = timing;
  const limit = limitMs === null ? '' : ` ≤ ${formatDuration(limitMs)}`;
  return html`<td>${badge(timingWording(timing))} <span class="at">${durationText(timing)}</span>${limit}<span class="note">${how}${note}</span></td>`;
}

function durationText({ afterMs, isAtLeast }: Timing): string {
  return afterMs === null ? '' : `${isAtLeast ? '> ' : ''}${formatDuration(Math.round(afterMs))}`;
}

/** What needs no answer is not called unknown. */
function timingWording({ answer }: Timing): Wording {
  if (answer === 'not judged') return { tone: 'plain', sign: '·', word: answer };
  return gateWording({ passed: answer === 'met' });
}

/** Zero is each fault's beginning, so that lengths can be compared. */
function faultLanes(faults: readonly FaultOutcome[], { firstNumber }: FaultPlace): Html {
  const lanes = faults.slice(0, LANES_MAX).map((fault) => laneOf(fault));
  const spanMs = Math.max(1, ...lanes.flatMap(({ marks, heldMs }) => [heldMs, ...marks.map(({ atMs }) => atMs)]));
  const at = (ms: number) => `${((Math.min(ms, spanMs) / spanMs) * 100).toFixed(2)}%`;
  const items = lanes.map(({ title, heldMs, marks }, index) => {
    const signs = marks.map(({ sign, atMs }) => html`<b style="left:${at(atMs)}">${sign}</b>`);
    const texts = marks.map(
      ({ sign, what, atMs }) => html`<span>${sign} ${what} <span class="at">+${formatDuration(atMs)}</span></span> `,
    );
    return html`
<li><p class="batch-head"><code>F${firstNumber + index}</code><span>${title}</span><span class="instants">${texts}</span></p>
<div class="track" aria-hidden="true"><i class="wait" style="left:0;width:max(2px, ${at(heldMs)})"></i>${signs}</div></li>`;
  });
  const left = faults.length - lanes.length;
  return html`
<p class="legend" aria-hidden="true"><span><i class="key wait"></i> broken</span><span><b>◆</b> noticed</span><span><b>▲</b> alert</span><span><b>●</b> normal again</span><span>all from 0 to ${formatDuration(spanMs)} after each fault</span></p>
<ol class="batches">${items}</ol>
${left > 0 && html`<p class="hint">${countOf(left, 'further fault')} in the table only.</p>`}`;
}

function laneOf({ fault, target, fromMs, untilMs, noticed, alerted, recovered }: FaultOutcome) {
  const heldMs = Math.max(0, (untilMs ?? fromMs) - fromMs);
  const mark = (sign: string, what: string, { afterMs, isAtLeast }: Timing, offsetMs = 0) => {
    return afterMs === null || isAtLeast ? [] : [{ sign, what, atMs: Math.round(afterMs + offsetMs) }];
  };
  const marks = [
    ...mark('◆', 'noticed', noticed),
    ...mark('▲', 'alert', alerted),
    ...mark('●', 'normal again', recovered, recovered.from === 'end' ? heldMs : 0),
  ];
  return { title: `${fault} ${target}`, heldMs, marks };
}
