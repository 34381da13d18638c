import type { MetricSample } from '../../run/records.ts';

/** Totals of counters over all processes, from samples. A counter that falls was started anew with its process. */
export class CounterTotals {
  private readonly totals = new Map<string, Map<string, { last: number; total: number }>>();

  add({ process, metric, value }: Pick<MetricSample, 'process' | 'metric' | 'value'>): void {
    const processes = this.totals.get(metric) ?? new Map<string, { last: number; total: number }>();
    this.totals.set(metric, processes);
    const known = processes.get(process) ?? { last: 0, total: 0 };
    const gained = value >= known.last ? value - known.last : value;
    processes.set(process, { last: value, total: known.total + gained });
  }

  sum(metric: string): number {
    return this.of(metric).reduce((sum, total) => sum + total, 0);
  }

  max(metric: string): number {
    return Math.max(0, ...this.of(metric));
  }

  private of(metric: string): number[] {
    return [...(this.totals.get(metric)?.values() ?? [])].map(({ total }) => total);
  }
}
