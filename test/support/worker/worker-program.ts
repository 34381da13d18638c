import { ChildProgram } from '../child-program.ts';
import { waitFor } from '../wait-for.ts';

const DEADLINE_MS = 30_000;
const PROBE_MS_MAX = 2_000;

/** A worker process as an orchestrator sees it: probes, signals, an exit code. */
export class WorkerProgram extends ChildProgram {
  constructor(file: string, env: Readonly<Record<string, string>>, cwd?: string) {
    super(file, [], env, cwd);
  }

  /** Resolves when /ready says so; rejects when the process ends instead. */
  async ready(): Promise<void> {
    await waitFor(
      async () => {
        if (this.hasEnded) throw new Error(`ended before it was ready: ${this.stdout.slice(-3000)}${this.stderr}`);
        return (await this.get('/ready').catch(() => undefined))?.status === 200;
      },
      { deadlineMs: DEADLINE_MS, what: 'a worker that is ready' },
    );
  }

  /** Rejects when nobody answers. */
  async get(path: string): Promise<{ status: number; text: string; json(): unknown }> {
    const port = this.logged('http listening')?.['port'];
    if (typeof port !== 'number') throw new Error('not listening yet');
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(PROBE_MS_MAX) });
    const text = await response.text();
    return { status: response.status, text, json: () => JSON.parse(text) as unknown };
  }

  /** A metric without labels, or the sum over all its labels. */
  async metric(name: string): Promise<number> {
    const { text } = await this.get('/metrics');
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /**
   * Of a worker with faults: `topic/partition/offset` of every record that was resolved, in order; twice where it was
   * handled twice.
   */
  handled(): string[] {
    return this.logLines()
      .filter(({ msg }) => msg === 'handled')
      .flatMap(({ resolved }) => resolved as string[]);
  }

  /** An orderly end; answers the exit code and how long it took. */
  async stop(): Promise<{ code: number | null; tookMs: number }> {
    const startedAtMs = performance.now();
    this.kill('SIGTERM');
    return { code: await this.exited(), tookMs: performance.now() - startedAtMs };
  }

  /** By force where it still runs. */
  async end(): Promise<void> {
    this.kill('SIGKILL');
    await this.exited();
  }
}
