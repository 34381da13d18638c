/**
 * A status reader with a limit of reads at a time. One more is refused at once and may come again: behind a database
 * that is slow it would wait for its connection longer than its caller does, and so would all who come after it.
 */
import type { BatchStatus, EssayStatus, StatusReader } from '../domain/status.ts';
import { AppError } from '../errors.ts';

export class BoundedReader implements StatusReader {
  private readonly reader: StatusReader;
  private readonly readsMax: number;
  private readCount = 0;

  constructor(reader: StatusReader, readsMax: number) {
    this.reader = reader;
    this.readsMax = readsMax;
  }

  batch(batchId: string): Promise<BatchStatus | null> {
    return this.read(() => this.reader.batch(batchId));
  }

  essay(essayId: string): Promise<EssayStatus | null> {
    return this.read(() => this.reader.essay(essayId));
  }

  private async read<T>(ask: () => Promise<T>): Promise<T> {
    if (this.readCount >= this.readsMax) throw new AppError('UNAVAILABLE', `${this.readsMax} reads are under way`);
    this.readCount += 1;
    try {
      return await ask();
    } finally {
      this.readCount -= 1;
    }
  }
}
