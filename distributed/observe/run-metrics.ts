/**
 * What a run tells Prometheus, on one loopback page: its phases and faults as metrics of job `harness`, so that
 * dashboards can show them beside the service's own; further pages of the harness; and what else is to be scraped,
 * which changes with every part and restart. A phase or fault is shown for the linger time at least and until it was
 * told often enough, so that no scrape misses it, however short it was or busy the machine.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TARGETS_PATH = '/targets';

export interface ScrapeTarget {
  /** `worker`, `postgres`, ...: what dashboards and rules select by. */
  readonly job: string;
  /** host:port. */
  readonly address: string;
  /** /metrics if not given. */
  readonly path?: string;
  /** `instance` among them replaces the address. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RunMetricsOptions {
  readonly lingerMs: number;
  /** Answers that told of it; one may come too late to be taken. */
  readonly tellingsMin: number;
  /** Beside the harness itself. */
  readonly targets: () => readonly ScrapeTarget[];
  /** Text of another page of metrics; rejects where it cannot be had. */
  readonly pageOf?: (path: string) => Promise<string> | null;
}

interface Shown {
  /** Null while it lasts. */
  untilMs: number | null;
  readonly sinceMs: number;
  tellings: number;
}

export class RunMetrics {
  private readonly options: RunMetricsOptions;
  private readonly server: Server;
  private scenario = '';
  private phase: string | null = null;
  /** By labels. */
  private readonly phases = new Map<string, Shown>();
  private readonly faults = new Map<string, Shown>();

  constructor(options: RunMetricsOptions) {
    this.options = options;
    this.server = createServer((request, response) => void this.answer(request.url ?? '', response));
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port: 0, host: '127.0.0.1' }, () => resolve());
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Where Prometheus asks what to scrape. */
  get discoveryUrl(): string {
    return `http://${this.address}${TARGETS_PATH}`;
  }

  /** Phases and faults are of this scenario from here on. */
  beginScenario(name: string): void {
    this.endPhase();
    this.scenario = name;
    for (const [labels, shown] of this.faults) if (!this.isOn(shown)) this.faults.delete(labels);
  }

  /** The phase lasts until the next one. */
  beginPhase(name: string): void {
    this.endPhase();
    this.phase = this.labels({ phase: name });
    this.begin(this.phases, this.phase);
  }

  endPhase(): void {
    if (this.phase !== null) this.end(this.phases, this.phase);
    this.phase = null;
  }

  beginFault(fault: string, target: string): void {
    this.begin(this.faults, this.labels({ fault, target }));
  }

  endFault(fault: string, target: string): void {
    this.end(this.faults, this.labels({ fault, target }));
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private begin(among: Map<string, Shown>, labels: string): void {
    among.set(labels, { untilMs: null, sinceMs: performance.now(), tellings: 0 });
  }

  private end(among: Map<string, Shown>, labels: string): void {
    const shown = among.get(labels);
    if (shown === undefined) return;
    shown.untilMs = Math.max(performance.now(), shown.sinceMs + this.options.lingerMs);
  }

  private isOn({ untilMs, tellings }: Shown): boolean {
    return untilMs === null || performance.now() < untilMs || tellings < this.options.tellingsMin;
  }

  private async answer(path: string, response: ServerResponse): Promise<void> {
    try {
      if (path === TARGETS_PATH) return this.send(response, 'application/json', this.targets());
      if (path === '/metrics') this.noteTelling(response);
      const text = path === '/metrics' ? this.text() : await this.options.pageOf?.(path);
      if (text) return this.send(response, 'text/plain; version=0.0.4; charset=utf-8', text);
      response.statusCode = 404;
    } catch {
      // To Prometheus a target that cannot tell is down.
      response.statusCode = 503;
    }
    response.end();
  }

  private noteTelling(response: ServerResponse): void {
    const told = [...this.phases.values(), ...this.faults.values()];
    response.once('finish', () => {
      for (const shown of told) shown.tellings += 1;
    });
  }

  private send(response: ServerResponse, contentType: string, text: string): void {
    response.setHeader('content-type', contentType);
    response.end(text);
  }

  private targets(): string {
    const all = [{ job: 'harness', address: this.address }, ...this.options.targets()];
    const groups = all.map(({ job, address, path = '/metrics', labels = {} }: ScrapeTarget) => ({
      targets: [address],
      labels: { job, __metrics_path__: path, ...labels },
    }));
    return JSON.stringify(groups);
  }

  private text(): string {
    for (const [labels, shown] of this.phases) if (!this.isOn(shown)) this.phases.delete(labels);
    const lines = [
      '# HELP els_run_phase 1 for the phase the run is in, and for one that has just ended.',
      '# TYPE els_run_phase gauge',
      ...[...this.phases.keys()].map((labels) => `els_run_phase{${labels}} 1`),
      '# HELP els_run_fault 1 while the fault lasts, 0 after it.',
      '# TYPE els_run_fault gauge',
      ...[...this.faults].map(([labels, shown]) => `els_run_fault{${labels}} ${this.isOn(shown) ? 1 : 0}`),
    ];
    return `${lines.join('\n')}\n`;
  }

  private labels(own: Readonly<Record<string, string>>): string {
    return formatLabels({ scenario: this.scenario, ...own });
  }
}

/** `name="value",...` as the text format of Prometheus has it. */
export function formatLabels(labels: Readonly<Record<string, string | number>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(',');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
