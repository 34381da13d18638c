/**
 * The logs of all processes of a run as one, in order of time, reduced to what concerns a correlation, a batch or a
 * trace. Streaming: one line per process is in memory. A line without a time (a stack trace, a crash's last words)
 * stays behind the line it follows.
 */
import { logLineSchema } from '../run/records.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { printable } from './text-summary.ts';

const QUIET_FIELDS: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'instance', 'pid', 'hostname']);
const LEVELS: Readonly<Record<string, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

export interface LogFilter {
  readonly correlationId?: string | undefined;
  readonly batchId?: string | undefined;
  readonly traceId?: string | undefined;
}

export interface LogEntry {
  readonly process: string;
  readonly wallMs: number;
  /** The line's own fields; null when it is not JSON. */
  readonly fields: Readonly<Record<string, unknown>> | null;
  readonly line: string;
}

interface Cursor {
  readonly entries: AsyncGenerator<LogEntry>;
  next: LogEntry;
}

export async function* mergedLogs(run: RunDirectory, filter: LogFilter): AsyncGenerator<LogEntry> {
  const cursors: Cursor[] = [];
  for (const process of await run.logProcesses()) {
    const entries = logEntries(run, process);
    const first = await entries.next();
    if (!first.done) cursors.push({ entries, next: first.value });
  }
  while (cursors.length > 0) {
    // Few processes: a scan finds the earliest as fast as a heap. Ties go to the first by name.
    const earliest = cursors.reduce((least, cursor) => (cursor.next.wallMs < least.next.wallMs ? cursor : least));
    if (concerns(earliest.next, filter)) yield earliest.next;
    const following = await earliest.entries.next();
    if (following.done) cursors.splice(cursors.indexOf(earliest), 1);
    else earliest.next = following.value;
  }
}

async function* logEntries(run: RunDirectory, process: string): AsyncGenerator<LogEntry> {
  let wallMs = Date.parse(run.environment.startedAt);
  for await (const line of run.readLog(process)) {
    if (line === '') continue;
    const fields = parseFields(line);
    const time = fields === null ? Number.NaN : instantOf(fields['time']);
    // Never backwards within a process: its own order is the truth, even when its clock was set.
    if (!Number.isNaN(time)) wallMs = Math.max(wallMs, time);
    yield { process, wallMs, fields, line };
  }
}

function parseFields(line: string): Readonly<Record<string, unknown>> | null {
  try {
    return logLineSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    // A process prints what it likes, above all when it crashes.
    return null;
  }
}

function instantOf(time: unknown): number {
  return typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : Number.NaN;
}

function concerns({ fields, line }: LogEntry, { correlationId, batchId, traceId }: LogFilter): boolean {
  const wanted = [
    { field: 'correlation', id: correlationId },
    { field: 'batch', id: batchId },
    { field: 'trace', id: traceId },
  ];
  return wanted.every(({ field, id }) => {
    if (id === undefined) return true;
    return fields === null ? line.includes(id) : mentions(fields, field, id);
  });
}

/** `batchId`, `batch_id`, `batches: [...]`, at any depth. */
function mentions(value: unknown, field: string, id: string): boolean {
  if (Array.isArray(value)) return value.some((each) => mentions(each, field, id));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, child]) => {
    const isNamed = name.toLowerCase().includes(field);
    const isIt = child === id || (Array.isArray(child) && child.includes(id));
    return (isNamed && isIt) || mentions(child, field, id);
  });
}

/** `10:15:05.003 worker-1 info  group committed batchId=batch-1`. */
export function formatLogEntry({ process, wallMs, fields, line }: LogEntry): string {
  const time = new Date(wallMs).toISOString().slice(11, 23);
  if (fields === null) return `${time} ${process} ${printable(line)}`;
  const level = String(fields['level']);
  const rest = Object.entries(fields).filter(([name]) => !QUIET_FIELDS.has(name));
  const texts = rest.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const words = [time, process, (LEVELS[level] ?? level).padEnd(5), String(fields['msg'] ?? ''), ...texts];
  return printable(words.join(' '));
}
