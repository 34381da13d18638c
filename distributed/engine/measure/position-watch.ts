/**
 * Where the service has got to in each inbound partition, looked at twenty times a second while something is broken: the
 * positions that are committed with the work, in the database. A look that fails is left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../stack/process/until.ts';
import { PositionReader } from './position-reader.ts';

const INTERVAL_MS = 50;

interface Look {
  readonly atMs: number;
  readonly positions: ReadonlyMap<string, number>;
}

export class PositionWatch {
  private readonly looks: Look[] = [];
  private readonly reader: PositionReader;
  private isOver = false;
  private loop: Promise<void> = Promise.resolve();

  static begin(databaseUrl: string): PositionWatch {
    const watch = new PositionWatch(databaseUrl);
    watch.loop = watch.run();
    return watch;
  }

  private constructor(databaseUrl: string) {
    this.reader = new PositionReader(databaseUrl);
  }

  /** Idempotent. */
  async end(): Promise<void> {
    this.isOver = true;
    await this.loop;
    this.reader.leave();
  }

  /** Wall-clock time of the first look that found the record at this offset settled; null: none did. */
  settledAtMs(topic: string, partition: number, offset: number): number | null {
    const name = `${topic}/${partition}`;
    return this.looks.find(({ positions }) => (positions.get(name) ?? 0) > offset)?.atMs ?? null;
  }

  /** Resolves when more is settled in every partition of the topic than is now. */
  async untilAllMove(topic: string, limitMs: number): Promise<void> {
    const now = this.looks.at(-1)?.positions ?? new Map<string, number>();
    const partitions = [...now.keys()].filter((name) => name.startsWith(`${topic}/`));
    const haveMoved = () =>
      partitions.every((name) => (this.looks.at(-1)?.positions.get(name) ?? 0) > (now.get(name) ?? 0));
    const failure = new Error(`not every partition of ${topic} went on within ${limitMs} ms`);
    await until(async () => haveMoved(), failure, { limitMs, intervalMs: INTERVAL_MS });
  }

  /** Longest time between two looks of which the later one is the first to find anything settled since the former. */
  longestStillMs({ fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number }): number {
    let longestMs = 0;
    let total = -1;
    let movedAtMs = fromMs;
    for (const { atMs, positions } of this.looks) {
      const settled = [...positions.values()].reduce((sum, position) => sum + position, 0);
      if (atMs >= fromMs && atMs <= untilMs) longestMs = Math.max(longestMs, atMs - Math.max(movedAtMs, fromMs));
      if (settled !== total) movedAtMs = atMs;
      total = settled;
    }
    return longestMs;
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      await this.look().catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  }

  private async look(): Promise<void> {
    const positions = new Map((await this.reader.read()).map((each) => [`${each.topic}/${each.partition}`, each.next]));
    this.looks.push({ atMs: Date.now(), positions });
  }
}
