/** One direction of one connection: bytes in order, each as late as the line is long, none while it is cut. */
import type { Socket } from 'node:net';

/** What is taken from a sender that its receiver has not got; above it the sender has to wait, as with any full line. */
const HELD_BYTES_MAX = 1_048_576;

export interface Line {
  readonly latencyMs: number;
  /** Up to so much more or less, differently for each piece; order is kept. */
  readonly jitterMs: number;
  readonly bytesPerSecondMax: number;
  readonly isCut: boolean;
  /** From 0 up to 1, for the jitter. */
  readonly random: () => number;
}

export const WELL: Line = {
  latencyMs: 0,
  jitterMs: 0,
  bytesPerSecondMax: Number.POSITIVE_INFINITY,
  isCut: false,
  random: () => 0.5,
};

interface Piece {
  /** Null: the sender has said its last word. */
  readonly bytes: Buffer | null;
  dueAtMs: number;
}

export class Lane {
  private readonly from: Socket;
  private readonly to: Socket;
  private line: Line;
  private readonly pieces: Piece[] = [];
  private freeAtMs = 0;
  private lastDueAtMs = 0;
  private timer: NodeJS.Timeout | null = null;
  private isFull = false;
  private isOver = false;
  private held = 0;
  private late = 0;

  constructor(from: Socket, to: Socket, line: Line) {
    this.from = from;
    this.to = to;
    this.line = line;
    from.on('data', (bytes) => this.take(bytes));
    from.on('end', () => this.take(null));
    to.on('drain', () => {
      this.isFull = false;
      this.deliver();
    });
  }

  /** Taken and not passed on. */
  get heldBytes(): number {
    return this.held;
  }

  /** Pieces that were not passed on at once, because the line is long or narrow. */
  get latePieces(): number {
    return this.late;
  }

  set(line: Line): void {
    // What waited for a narrow line goes at once where it is wide; what is on a long one stays on its way.
    if (line.bytesPerSecondMax > this.line.bytesPerSecondMax) this.widen(performance.now() + line.latencyMs);
    this.line = line;
    this.deliver();
  }

  private widen(latestMs: number): void {
    for (const piece of this.pieces) piece.dueAtMs = Math.min(piece.dueAtMs, latestMs);
    this.freeAtMs = Math.min(this.freeAtMs, performance.now());
    this.lastDueAtMs = Math.min(this.lastDueAtMs, latestMs);
  }

  end(): void {
    this.isOver = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private take(bytes: Buffer | null): void {
    const { latencyMs, jitterMs, bytesPerSecondMax, random } = this.line;
    const nowMs = performance.now();
    const length = bytes?.length ?? 0;
    this.freeAtMs = Math.max(this.freeAtMs, nowMs) + (length / bytesPerSecondMax) * 1_000;
    const lateMs = Math.max(0, latencyMs + (2 * random() - 1) * jitterMs);
    this.lastDueAtMs = Math.max(this.lastDueAtMs, this.freeAtMs + lateMs);
    this.pieces.push({ bytes, dueAtMs: this.lastDueAtMs });
    this.held += length;
    if (this.lastDueAtMs > nowMs) this.late += 1;
    if (this.held > HELD_BYTES_MAX) this.from.pause();
    this.deliver();
  }

  /** What is due, and then again when the next piece is. */
  private deliver(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (!this.isOver && !this.isFull && !this.line.isCut) {
      const [next] = this.pieces;
      if (next === undefined) break;
      const waitMs = next.dueAtMs - performance.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.deliver(), Math.ceil(waitMs));
        break;
      }
      this.pieces.shift();
      this.pass(next.bytes);
    }
    if (this.held <= HELD_BYTES_MAX && !this.isOver) this.from.resume();
  }

  private pass(bytes: Buffer | null): void {
    if (bytes === null) {
      this.to.end();
      return;
    }
    this.held -= bytes.length;
    this.isFull = !this.to.write(bytes);
  }
}
