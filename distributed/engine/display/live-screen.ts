/**
 * Shows progress while a run goes on: a table redrawn in place on a terminal, one plain line every two seconds
 * anywhere else. Colour only on a terminal and never with NO_COLOR.
 */
import type { LiveState } from './live-state.ts';

const REDRAW_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 2_000;
const BAR_WIDTH = 30;
const RATE_WINDOW_MS = 2_000;

export interface ScreenFrame {
  readonly phase: string;
  readonly elapsedMs: number;
  readonly published: number;
  readonly inputs: number;
  readonly slots: number;
  readonly batches: number;
  /** Names of all workers and whether each runs. */
  readonly workers: readonly { readonly name: string; readonly running: boolean }[];
  readonly state: LiveState;
}

export interface ScreenOutput {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

export class LiveScreen {
  private readonly output: ScreenOutput;
  private readonly useColour: boolean;
  private readonly history: { atMs: number; published: number; resolved: number }[] = [];
  private drawnLines = 0;
  private drawnAtMs = Number.NEGATIVE_INFINITY;

  constructor(output: ScreenOutput, useColour: boolean) {
    this.output = output;
    this.useColour = useColour && output.isTTY;
  }

  /** A line that stays, above the table. */
  say(line: string): void {
    this.erase();
    this.output.write(`${line}\n`);
  }

  /** Draws the frame unless the last one is too recent. */
  show(frame: ScreenFrame): void {
    const intervalMs = this.output.isTTY ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS;
    const rates = this.rates(frame);
    if (frame.elapsedMs - this.drawnAtMs < intervalMs) {
      return;
    }
    this.drawnAtMs = frame.elapsedMs;
    if (!this.output.isTTY) {
      this.output.write(`${plainLine(frame, rates)}\n`);
      return;
    }
    const lines = this.table(frame, rates).map((line) => this.clip(line));
    this.erase();
    this.output.write(`${lines.join('\n')}\n`);
    this.drawnLines = lines.length;
  }

  /** Removes the table; what follows is ordinary output. */
  close(): void {
    this.erase();
  }

  private erase(): void {
    if (this.drawnLines > 0) {
      this.output.write(`\u001b[${this.drawnLines}A\u001b[J`);
      this.drawnLines = 0;
    }
  }

  private rates(frame: ScreenFrame): Rates {
    const now = { atMs: frame.elapsedMs, published: frame.published, resolved: resolvedOf(frame) };
    this.history.push(now);
    while (this.history.length > 2 && now.atMs - (this.history[0]?.atMs ?? 0) > RATE_WINDOW_MS) {
      this.history.shift();
    }
    const from = this.history[0] ?? now;
    const seconds = (now.atMs - from.atMs) / 1_000;
    const per = (count: number) => (seconds > 0 ? Math.max(0, Math.round(count / seconds)) : 0);
    return { published: per(now.published - from.published), resolved: per(now.resolved - from.resolved) };
  }

  private table(frame: ScreenFrame, rates: Rates): string[] {
    const { state } = frame;
    const taken = state.filled + state.burnt;
    return [
      this.dim(`${frame.phase}, ${seconds(frame.elapsedMs)}`),
      `  sent      ${bar(frame.published, frame.inputs)} ${count(frame.published)} of ${count(frame.inputs)} inputs, ${count(rates.published)}/s`,
      `  resolved  ${bar(resolvedOf(frame), frame.inputs)} ${count(resolvedOf(frame))}, ${count(rates.resolved)}/s, lag ${count(state.lag)}`,
      `  slots     ${bar(taken, frame.slots)} ${count(state.filled)} filled, ${count(state.burnt)} burnt of ${count(frame.slots)}`,
      `  batches   ${bar(state.complete, frame.batches)} ${count(state.complete)} complete, ${count(state.open)} open, ${count(state.announced)} announced`,
      `  excess ${count(state.excess)}   duplicates ${count(state.duplicates)}   pending ${count(state.pending)}   unpublished ${count(state.unpublished)}`,
      `  ${frame.workers.map((worker) => this.workerShare(worker, state)).join('   ')}`,
    ];
  }

  private workerShare(worker: ScreenFrame['workers'][number], state: LiveState): string {
    if (!worker.running) {
      return this.paint(31, `${worker.name} down`);
    }
    return `${worker.name} ${share(state, worker.name)}`;
  }

  private clip(line: string): string {
    // Codes of colour are short and few: a line that is too long loses its end, not the layout.
    return this.useColour ? line : line.slice(0, Math.max(20, this.output.columns - 1));
  }

  private dim(text: string): string {
    return this.paint(2, text);
  }

  private paint(code: number, text: string): string {
    return this.useColour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

interface Rates {
  readonly published: number;
  readonly resolved: number;
}

function plainLine(frame: ScreenFrame, rates: Rates): string {
  const { state } = frame;
  const workers = frame.workers.map(({ name, running }) => `${name} ${running ? share(state, name) : 'down'}`);
  return [
    `${seconds(frame.elapsedMs)} ${frame.phase}: sent ${frame.published}/${frame.inputs}`,
    `resolved ${rates.resolved}/s`,
    `lag ${state.lag}`,
    `batches ${state.complete} complete ${state.open} open`,
    `slots ${state.filled} filled ${state.burnt} burnt of ${frame.slots}`,
    `excess ${state.excess}`,
    `duplicates ${state.duplicates}`,
    ...workers,
  ].join(', ');
}

function resolvedOf(frame: ScreenFrame): number {
  return Math.max(0, frame.published - frame.state.lag);
}

function share(state: LiveState, name: string): string {
  const total = [...state.shares.values()].reduce((sum, taken) => sum + taken, 0);
  return total === 0 ? '-' : `${Math.round(((state.shares.get(name) ?? 0) / total) * 100)} %`;
}

function bar(done: number, total: number): string {
  const filled = total === 0 ? 0 : Math.min(BAR_WIDTH, Math.round((done / total) * BAR_WIDTH));
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
