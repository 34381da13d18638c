/**
 * How much of a partition is asked for at a time: what its line carries in a moment. Heartbeats and commits wait behind an
 * answer, and of one that takes a minute whoever waits for its records sees nothing but silence.
 */
const BYTES_MIN = 64 * 1024;
const SLOW_MS = 2000;
const QUICK_MS = 500;

export class AnswerSize {
  private readonly bytesMax: number;
  private bytes: number;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
    this.bytes = Math.min(BYTES_MIN, bytesMax);
  }

  get partitionBytesMax(): number {
    return this.bytes;
  }

  /** A fetch took so long, its wait for records included. */
  answered(durationMs: number): void {
    if (durationMs > SLOW_MS) this.bytes = Math.max(Math.min(BYTES_MIN, this.bytesMax), this.bytes / 2);
    else if (durationMs < QUICK_MS) this.bytes = Math.min(this.bytesMax, this.bytes * 2);
  }
}
