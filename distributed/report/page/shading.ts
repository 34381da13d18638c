/** Draws faults as hatched regions and phases as lines behind the curves, their numbers and names above the plot. */
import type uPlot from 'uplot';
import { currentTheme } from '../../../src/gateway/page/theme/chart-theme.ts';
import type { ReportData, Span } from '../report-data.ts';

const HATCH_STEP_PX = 7;
const FONT_PX = 11;
/** Above the plot: a line of phase names, a line of fault numbers. */
const PHASE_LINE_PX = 28;
const FAULT_LINE_PX = 14;
export const LABELS_PX = 32;

type Spans = Pick<ReportData, 'faults' | 'phases'>;

/** Before the grid. */
export function drawSpans(plot: uPlot, { faults, phases }: Spans): void {
  inPlot(plot, true, () => {
    for (const fault of faults) drawFault(plot, fault);
    for (const { from } of phases) drawPhaseLine(plot, from);
  });
}

/** After the grid, which would strike them through. A name without room is left out: the table lists all. */
export function drawLabels(plot: uPlot, { faults, phases }: Spans): void {
  inPlot(plot, false, () => {
    for (const phase of phases) drawLabel(plot, phase, phase.label, PHASE_LINE_PX, phase.to);
    let freeFrom = Number.NEGATIVE_INFINITY;
    faults.forEach((fault, at) => {
      const left = plot.valToPos(fault.from, 'x', true);
      if (left < freeFrom) return;
      freeFrom = left + drawLabel(plot, fault, `F${at + 1}`, FAULT_LINE_PX, Number.POSITIVE_INFINITY);
    });
  });
}

/** uPlot leaves its own line dashes and text alignment behind. */
function inPlot(plot: uPlot, isClipped: boolean, draw: () => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  if (isClipped) {
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
  }
  ctx.setLineDash([]);
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${FONT_PX * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'top';
  draw();
  ctx.restore();
}

function drawFault(plot: uPlot, { from, to }: Span): void {
  const { ctx, bbox } = plot;
  const theme = currentTheme();
  const ratio = devicePixelRatio;
  const start = plot.valToPos(from, 'x', true);
  // Clipped to the plot: a region zoomed far beyond it costs no more lines than one inside it.
  const left = Math.max(start, bbox.left);
  const right = Math.min(Math.max(plot.valToPos(to, 'x', true), start + 2 * ratio), bbox.left + bbox.width);
  if (right <= left) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.fillStyle = theme.faultFill;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.strokeStyle = theme.faultHatch;
  ctx.beginPath();
  const step = HATCH_STEP_PX * ratio;
  for (let x = Math.floor((left - bbox.height) / step) * step; x < right; x += step) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

function drawPhaseLine(plot: uPlot, from: number): void {
  const { ctx, bbox } = plot;
  const left = plot.valToPos(from, 'x', true);
  ctx.strokeStyle = currentTheme().phaseLine;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Returns the width it took. */
function drawLabel(plot: uPlot, span: Span, label: string, abovePx: number, to: number): number {
  const { ctx, bbox } = plot;
  const right = bbox.left + bbox.width;
  const start = plot.valToPos(span.from, 'x', true);
  const visibleTo = plot.valToPos(Math.min(span.to, to), 'x', true);
  const left = Math.max(start, bbox.left) + 2 * devicePixelRatio;
  const width = ctx.measureText(label).width;
  const end = Number.isFinite(to) ? Math.min(visibleTo, right) : right;
  if (visibleTo < bbox.left || start > right || left + width > end) return 0;
  ctx.fillStyle = currentTheme().text;
  ctx.fillText(label, left, bbox.top - abovePx * devicePixelRatio);
  return width + 6 * devicePixelRatio;
}
