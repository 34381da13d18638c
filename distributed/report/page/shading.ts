/** Draws faults as hatched regions with their number and phases as lines with their name, behind the curves. */
import type uPlot from 'uplot';
import type { ReportData, Span } from '../report-data.ts';
import { currentTheme } from './theme.ts';

const HATCH_STEP = 7;
const FONT = '11px system-ui, sans-serif';

export function drawSpans(plot: uPlot, { faults, phases }: Pick<ReportData, 'faults' | 'phases'>): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = FONT.replace('11', String(11 * ratio));
  ctx.textBaseline = 'top';
  faults.forEach((fault, at) => {
    drawFault(plot, fault, `F${at + 1}`, ratio);
  });
  for (const phase of phases) drawPhase(plot, phase, ratio);
  ctx.restore();
}

function drawFault(plot: uPlot, fault: Span, tag: string, ratio: number): void {
  const { ctx, bbox } = plot;
  const theme = currentTheme();
  const left = plot.valToPos(fault.from, 'x', true);
  const width = Math.max(2 * ratio, plot.valToPos(fault.to, 'x', true) - left);
  if (left > bbox.left + bbox.width || left + width < bbox.left) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, width, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme.faultFill;
  ctx.fillRect(left, bbox.top, width, bbox.height);
  ctx.strokeStyle = theme.faultHatch;
  ctx.lineWidth = ratio;
  ctx.beginPath();
  // Clipped to the plot: a region zoomed far beyond it costs no more lines than one inside it.
  const from = Math.max(left, bbox.left) - bbox.height;
  const to = Math.min(left + width, bbox.left + bbox.width);
  const step = HATCH_STEP * ratio;
  for (let x = Math.floor(from / step) * step; x < to; x += step) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
  ctx.fillStyle = theme.text;
  ctx.fillText(tag, Math.max(left, bbox.left) + 3 * ratio, bbox.top + 16 * ratio);
}

function drawPhase(plot: uPlot, phase: Span, ratio: number): void {
  const { ctx, bbox } = plot;
  const theme = currentTheme();
  const left = plot.valToPos(phase.from, 'x', true);
  const right = plot.valToPos(phase.to, 'x', true);
  ctx.strokeStyle = theme.phaseLine;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
  const start = Math.max(left, bbox.left) + 3 * ratio;
  const end = Math.min(right, bbox.left + bbox.width);
  if (start + ctx.measureText(phase.label).width > end) return;
  ctx.fillStyle = theme.text;
  ctx.fillText(phase.label, start, bbox.top + 3 * ratio);
}
