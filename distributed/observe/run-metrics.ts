/**
 * What a run tells Prometheus about itself, so that dashboards can show phases and faults beside the service's own
 * metrics: an HTTP page on loopback, scraped as job `harness`.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export class RunMetrics {
  private readonly server: Server;
  private readonly scenario: string;
  private phase = '';
  private readonly faults = new Map<string, number>();

  constructor(options: { readonly scenario: string }) {
    this.scenario = options.scenario;
    this.server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(this.text());
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ port: 0, host: '127.0.0.1' }, () => resolve());
    });
  }

  /** What Prometheus is told to scrape. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The phase lasts until the next one. */
  beginPhase(name: string): void {
    this.phase = name;
  }

  beginFault(fault: string, target: string): void {
    this.faults.set(faultLabels(fault, target), 1);
  }

  endFault(fault: string, target: string): void {
    this.faults.set(faultLabels(fault, target), 0);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private text(): string {
    const scenario = `scenario="${escaped(this.scenario)}"`;
    const lines = [
      '# HELP els_run_phase 1 for the phase the run is in.',
      '# TYPE els_run_phase gauge',
      `els_run_phase{${scenario},phase="${escaped(this.phase)}"} 1`,
      '# HELP els_run_fault 1 while the fault lasts, 0 after it.',
      '# TYPE els_run_fault gauge',
      ...[...this.faults].map(([labels, value]) => `els_run_fault{${scenario},${labels}} ${value}`),
    ];
    return `${lines.join('\n')}\n`;
  }
}

function faultLabels(fault: string, target: string): string {
  return `fault="${escaped(fault)}",target="${escaped(target)}"`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
