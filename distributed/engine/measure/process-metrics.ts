/** What processes took, and how that changed, from the samples of a part. */
import type { RunDirectory } from '../../run/run-directory.ts';
import type { Window } from './client-latencies.ts';
import { median, slopePerSecond } from './trend.ts';

export interface ProcessShape {
  readonly name: string;
  /** The median sample, in cores. */
  readonly cpu: number;
  readonly rssBytesPerSecond: number;
}

/** The busiest first. */
export async function processShapes(directory: RunDirectory, { fromMs, toMs }: Window): Promise<ProcessShape[]> {
  const cpu = new Map<string, number[]>();
  const rss = new Map<string, { x: number; y: number }[]>();
  for await (const { process, metric, value, wallMs } of directory.readMetrics()) {
    if (wallMs < fromMs || wallMs > toMs) continue;
    if (metric === 'cpu_fraction') cpu.set(process, [...(cpu.get(process) ?? []), value]);
    if (metric === 'rss_bytes') rss.set(process, [...(rss.get(process) ?? []), { x: wallMs / 1_000, y: value }]);
  }
  const shapes = [...cpu].map(([name, values]) => {
    return { name, cpu: median(values) ?? 0, rssBytesPerSecond: slopePerSecond(rss.get(name) ?? []) };
  });
  return shapes.sort((one, other) => other.cpu - one.cpu);
}
