/** CPU and memory of processes and of the host, from /proc; nothing where there is none. */
import { readdir, readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** One letter as in /proc: R, S, T (stopped), Z. */
  readonly state: string;
}

export async function processUsage(pid: number): Promise<ProcessUsage | null> {
  const [stat, status] = await Promise.all([readProc(`${pid}/stat`), readProc(`${pid}/status`)]);
  if (stat === null || status === null) return null;
  // The name of the program may contain anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rssKilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  return { cpuSeconds: ticks / TICKS_PER_SECOND, rssBytes: rssKilobytes * 1_024, state: fields[0] ?? '?' };
}

/** Files and sockets that it holds; null where that cannot be seen. */
export async function openFiles(pid: number): Promise<number | null> {
  return readdir(`/proc/${pid}/fd`).then(
    (files) => files.length,
    () => null,
  );
}

export interface HostUsage {
  readonly busySeconds: number;
  readonly totalSeconds: number;
}

/** Over all cores since boot. */
export async function hostUsage(): Promise<HostUsage | null> {
  const line = (await readProc('stat'))?.split('\n')[0];
  if (line === undefined) return null;
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busySeconds: (total - idle) / TICKS_PER_SECOND, totalSeconds: total / TICKS_PER_SECOND };
}

async function readProc(name: string): Promise<string | null> {
  return readFile(`/proc/${name}`, 'utf8').catch(() => null);
}
