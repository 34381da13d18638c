/**
 * Every slot of a batch as one cell: 10 to 10 000 without stutter, because rows that are not in sight are not laid out
 * and a change touches its own cell only. By keyboard it is one stop, and arrows go from slot to slot.
 */
import type { SlotStatus } from './batch-model.ts';

/** Beyond so many changes of one moment none is made to stand out. */
const FRESH_MAX = 120;
const PAGE_ROWS = 10;

interface Size {
  readonly slotsMax: number;
  readonly cellPx: number;
  readonly gapPx: number;
  readonly isNumbered: boolean;
}

const SIZES: readonly Size[] = [
  { slotsMax: 120, cellPx: 38, gapPx: 5, isNumbered: true },
  { slotsMax: 1200, cellPx: 20, gapPx: 3, isNumbered: false },
  { slotsMax: Number.POSITIVE_INFINITY, cellPx: 12, gapPx: 2, isNumbered: false },
];

const TEMPLATE = document.createElement('div');
TEMPLATE.setAttribute('role', 'gridcell');
TEMPLATE.tabIndex = -1;

export interface SlotGridDeps {
  readonly host: HTMLElement;
  statusAt(position: number): SlotStatus;
  /** Somebody looks at this slot. */
  onLook(position: number): void;
}

export class SlotGrid {
  private readonly deps: SlotGridDeps;
  private readonly listeners = new AbortController();
  private readonly observer: ResizeObserver;
  private readonly positions = new Map<Element, number>();
  private cells: HTMLElement[] = [];
  private shown: SlotStatus[] = [];
  private count = 0;
  private columns = 0;
  /** The one that the tab key comes to. */
  private current = 0;

  constructor(deps: SlotGridDeps) {
    this.deps = deps;
    const { host } = deps;
    const { signal } = this.listeners;
    const look = ({ target }: Event) => {
      const position = this.positions.get(target as Element);
      if (position !== undefined) deps.onLook(position);
    };
    host.addEventListener('pointerover', look, { signal });
    host.addEventListener('focusin', look, { signal });
    host.addEventListener('pointerdown', (event) => this.press(event), { signal });
    host.addEventListener('keydown', (event) => this.follow(event), { signal });
    this.observer = new ResizeObserver(() => this.layOut(this.count));
    this.observer.observe(host);
  }

  resize(count: number): void {
    if (count !== this.count) this.layOut(count);
  }

  /** These have changed. */
  repaint(positions: readonly number[]): void {
    const isFresh = positions.length <= FRESH_MAX;
    for (const position of positions) {
      const cell = this.cells[position];
      if (cell !== undefined) this.paint(cell, position, isFresh);
    }
  }

  repaintAll(): void {
    this.cells.forEach((cell, position) => {
      this.paint(cell, position, false);
    });
  }

  close(): void {
    this.listeners.abort();
    this.observer.disconnect();
  }

  private layOut(count: number): void {
    const { host } = this.deps;
    const size = SIZES.find(({ slotsMax }) => count <= slotsMax) ?? SIZES[0];
    if (size === undefined || host.clientWidth === 0) return;
    const columns = Math.max(1, Math.floor((host.clientWidth + size.gapPx) / (size.cellPx + size.gapPx)));
    if (columns === this.columns && count === this.count) return;
    const hadFocus = host.contains(document.activeElement);
    this.count = count;
    this.columns = columns;
    this.positions.clear();
    host.style.setProperty('--cell', `${size.cellPx}px`);
    host.style.setProperty('--gap', `${size.gapPx}px`);
    host.classList.toggle('numbered', size.isNumbered);
    host.setAttribute('aria-rowcount', String(Math.ceil(count / columns)));
    host.setAttribute('aria-colcount', String(columns));
    this.shown = [];
    this.cells = Array.from({ length: count }, (_, position) => this.cell(position));
    const rows: HTMLElement[] = [];
    for (let from = 0; from < count; from += columns) rows.push(rowOf(this.cells.slice(from, from + columns)));
    host.replaceChildren(...rows);
    this.choose(Math.min(this.current, count - 1));
    if (hadFocus) this.cells[this.current]?.focus();
  }

  private cell(position: number): HTMLElement {
    const cell = TEMPLATE.cloneNode() as HTMLElement;
    this.positions.set(cell, position);
    this.paint(cell, position, false);
    return cell;
  }

  private paint(cell: HTMLElement, position: number, isFresh: boolean): void {
    const status = this.deps.statusAt(position);
    if (this.shown[position] === status) return;
    this.shown[position] = status;
    cell.className = `cell ${status}${isFresh && status !== 'open' ? ' fresh' : ''}`;
    cell.ariaLabel = `slot ${position + 1} ${status}`;
    if (this.count <= (SIZES[0]?.slotsMax ?? 0)) cell.textContent = String(position + 1);
  }

  private choose(position: number): void {
    const before = this.cells[this.current];
    if (before !== undefined) before.tabIndex = -1;
    this.current = Math.max(0, position);
    const now = this.cells[this.current];
    if (now !== undefined) now.tabIndex = 0;
  }

  private press({ target }: PointerEvent): void {
    const position = this.positions.get(target as Element);
    if (position !== undefined) this.choose(position);
  }

  private follow(event: KeyboardEvent): void {
    const { columns, count, current } = this;
    const column = current % columns;
    const moves: Record<string, number> = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      ArrowDown: current + columns,
      ArrowUp: current - columns,
      PageDown: Math.min(current + PAGE_ROWS * columns, lastOf(column, columns, count)),
      PageUp: Math.max(current - PAGE_ROWS * columns, column),
      Home: event.ctrlKey ? 0 : current - column,
      End: event.ctrlKey ? count - 1 : Math.min(current - column + columns, count) - 1,
    };
    const target = moves[event.key];
    if (target === undefined || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (target < 0 || target >= count) return;
    this.choose(target);
    this.cells[target]?.focus();
  }
}

/** The last position of a column. */
function lastOf(column: number, columns: number, count: number): number {
  const last = Math.floor((count - 1) / columns) * columns + column;
  return last < count ? last : last - columns;
}

function rowOf(cells: readonly HTMLElement[]): HTMLElement {
  const row = document.createElement('div');
  row.setAttribute('role', 'row');
  row.className = 'slot-row';
  row.append(...cells);
  return row;
}
