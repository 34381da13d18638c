/** CPU time and memory of programs with all their children, from /proc; children that are gone count with their parents. */
import { readdir, readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Its own and that of the children it has waited for. */
  readonly cpuSeconds: number;
}

/** Throws where there is no /proc: a table without CPU would not be this table. */
export async function cpuSecondsOf(roots: readonly number[]): Promise<number> {
  const all = await readAll();
  const counted = new Set<number>(roots);
  // A parent may stand behind its children in the list: until nobody is added.
  for (let before = 0; before !== counted.size; ) {
    before = counted.size;
    for (const [pid, { parent }] of all) if (counted.has(parent)) counted.add(pid);
  }
  return [...counted].reduce((sum, pid) => sum + (all.get(pid)?.cpuSeconds ?? 0), 0);
}

/** The most memory a process ever had; 0 when it is gone. */
export async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1_024;
}

export interface HostTimes {
  readonly stealSeconds: number;
  readonly totalSeconds: number;
}

export async function hostTimes(): Promise<HostTimes> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  return { stealSeconds: (ticks[7] ?? 0) / TICKS_PER_SECOND, totalSeconds: total / TICKS_PER_SECOND };
}

async function readAll(): Promise<Map<number, ProcessTimes>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = new Map<number, ProcessTimes>();
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    if (stat === null) continue;
    // The name of the program may contain anything, parentheses too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    all.set(Number(pid), { parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND });
  }
  return all;
}
