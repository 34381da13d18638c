/**
 * What the workers say of themselves, added up over all processes that ever ran: the last reading of a process that is
 * gone stays in the totals. Counters of a killed process miss what it did after its last reading.
 */
import type { WorkerProcess } from '../../cluster/worker-process.ts';
import { type HistogramTotals, histogramOf, parseSamples, type Sample, sumOf } from './prometheus-text.ts';

export class WorkerReadings {
  private readonly byPid = new Map<number, readonly Sample[]>();

  /** Null where the worker did not answer. */
  async read(worker: WorkerProcess): Promise<readonly Sample[] | null> {
    const { pid } = worker;
    const text = pid === undefined ? null : await worker.get('/metrics');
    if (pid === undefined || text === null || worker.pid !== pid) return null;
    const samples = parseSamples(text);
    this.byPid.set(pid, samples);
    return samples;
  }

  sum(name: string, label = ''): number {
    return [...this.byPid.values()].reduce((total, samples) => total + sumOf(samples, name, label), 0);
  }

  histogram(name: string, label = ''): HistogramTotals {
    return histogramOf([...this.byPid.values()].flat(), name, label);
  }
}
