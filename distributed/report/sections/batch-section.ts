/** The slowest batches, each on a time axis of its own from its first event to its announcement. */
import { countOf, formatDuration } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { BatchTimeline, SlowBatches } from '../slow-batches.ts';

const TICKS_MAX = 60;

export function batchSection({ timelines, completedCount, unfinishedCount }: SlowBatches): Html | null {
  if (timelines.length === 0) return null;
  return html`
<section id="slow-batches"><h2>Slowest batches</h2>
<p class="hint">The ${timelines.length} slowest of ${countOf(completedCount, 'completed batch', 'completed batches')}${unfinishedCount > 0 && ` (${unfinishedCount} more did not complete)`}, by the time from the last input being due to the completion in Kafka.</p>
<p class="legend" aria-hidden="true"><span><i class="key due"></i> inputs due, first to last</span><span><i class="key wait"></i> last due to announced</span><span><i class="key slot"></i> slot taken</span><span><b>◆</b> registered</span><span><b>●</b> completed</span><span><b>▲</b> announced</span></p>
<ol class="batches">${timelines.map(batchItem)}</ol></section>`;
}

function batchItem(batch: BatchTimeline): Html {
  const { registrationDueMs, registeredMs, firstDueMs, lastDueMs, completedMs, announcedMs } = batch;
  const instants = [registrationDueMs, registeredMs, firstDueMs, lastDueMs, completedMs, announcedMs].filter(
    (each) => each !== null,
  );
  const startMs = Math.min(...instants);
  const endMs = Math.max(...instants, startMs + 1);
  const at = (ms: number) => `${(((ms - startMs) / (endMs - startMs)) * 100).toFixed(2)}%`;
  const span = (kind: string, from: number, to: number) =>
    html`<i class="${kind}" style="left:${at(from)};width:max(2px, ${(((to - from) / (endMs - startMs)) * 100).toFixed(2)}%)"></i>`;
  const mark = (sign: string, ms: number) => html`<b style="left:${at(ms)}">${sign}</b>`;
  const step = Math.ceil(batch.slotMs.length / TICKS_MAX) || 1;
  const ticks = [...batch.slotMs].sort((left, right) => left - right).filter((_, index) => index % step === 0);
  return html`
<li><p class="batch-head"><code>${batch.batchId}</code><span>${countOf(batch.slotCount, 'slot')}</span><strong>${formatDuration(batch.latencyMs)}</strong></p>
<div class="track" aria-hidden="true">
${firstDueMs !== null && lastDueMs !== null && span('due', firstDueMs, lastDueMs)}
${lastDueMs !== null && announcedMs !== null && announcedMs > lastDueMs && span('wait', lastDueMs, announcedMs)}
${ticks.map((ms) => html`<i class="slot" style="left:${at(ms)}"></i>`)}
${registeredMs !== null && mark('◆', registeredMs)}${mark('●', completedMs)}${announcedMs !== null && mark('▲', announcedMs)}
</div>
<p class="instants">${instantsOf(batch, startMs)}</p></li>`;
}

function instantsOf(batch: BatchTimeline, startMs: number): Html[] {
  const { registeredMs, firstDueMs, lastDueMs, slotMs, completedMs, announcedMs } = batch;
  const [firstSlotMs, lastSlotMs] = slotMs.length === 0 ? [null, null] : [Math.min(...slotMs), Math.max(...slotMs)];
  const named: [string, number | null][] = [
    ['registered', registeredMs],
    ['first input due', firstDueMs],
    ['first slot', firstSlotMs],
    ['last input due', lastDueMs],
    ['last slot', lastSlotMs],
    ['completed', completedMs],
    ['announced', announcedMs],
  ];
  const known = named.flatMap(([name, ms]) => (ms === null ? [] : [{ name, ms }]));
  return known
    .sort((left, right) => left.ms - right.ms)
    .map(({ name, ms }) => html`<span>${name} <span class="at">+${formatDuration(ms - startMs)}</span></span> `);
}
