/** Percentiles of every measure over the whole run, from its histograms: nothing is averaged or sampled. */
import { TARGETS } from '../../../artefacts/targets.ts';
import { formatNumber, formatUnit } from '../format.ts';
import { type Html, html } from '../html.ts';
import { type LatencyRow, PERCENTILES, percentileName } from '../percentile-table.ts';

export function latencySection(latencies: readonly LatencyRow[]): Html | null {
  if (latencies.length === 0) return null;
  const heads = PERCENTILES.map(
    (percentile) => html`<th scope="col" class="number">${percentileName(percentile)}</th>`,
  );
  const rows = latencies.map(({ measure, count, valuesMs }) => {
    const cells = valuesMs.map((value) => html`<td class="number">${formatUnit(value, 'ms')}</td>`);
    return html`<tr><th scope="row">${measure.replace(/[-_]/g, ' ')}</th>${cells}<td class="number">${formatNumber(count)}</td></tr>`;
  });
  return html`
<section id="latency"><h2>Latency</h2>
<p class="hint">Counted from when an input was due, not from when it was sent: a stalled client hides nothing. For completions ${formatUnit(TARGETS.coordinationSecondsMax, 's')} is promised and ${formatUnit(TARGETS.completionP99SecondsMax, 's')} aimed at for P99, both below capacity: a backlog on purpose or a fault takes longer.</p>
<div class="scroll"><table><thead><tr><th scope="col">Measure</th>${heads}<th scope="col" class="number">Count</th></tr></thead>
<tbody>${rows}</tbody></table></div></section>`;
}
