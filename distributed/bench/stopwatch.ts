/** The meter's readings at the two ends of a drain, and when that was. */
import { type Cost, costBetween, type Meter, type Reading } from './meter.ts';

/** In microseconds of the machine's monotonic clock, which Node's profiler uses as well. */
export interface Period {
  readonly fromUs: number;
  readonly toUs: number;
}

export class Stopwatch {
  private readonly meter: Meter;
  private before: Reading | null = null;
  private after: Reading | null = null;
  private fromUs = 0;
  private toUs = 0;

  constructor(meter: Meter) {
    this.meter = meter;
  }

  async begin(workerPids: readonly number[]): Promise<void> {
    this.before = await this.meter.read(workerPids);
    this.fromUs = nowUs();
  }

  /** While the processes still run: what is gone cannot be read. */
  async end(workerPids: readonly number[]): Promise<void> {
    this.toUs = nowUs();
    this.after = await this.meter.read(workerPids);
  }

  period(): Period {
    return { fromUs: this.fromUs, toUs: this.toUs };
  }

  seconds(): number {
    return (this.toUs - this.fromUs) / 1_000_000;
  }

  cost(): Cost {
    if (this.before === null || this.after === null) throw new Error('a drain was not timed from beginning to end');
    return costBetween(this.before, this.after);
  }
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}
