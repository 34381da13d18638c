/**
 * The gateways beside the workers, each a process of its own on a port of its own that it keeps, and nginx in front of them
 * where there are several. One that ends by itself is noted and stays away: whoever looks shall see it.
 */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../stack/process/free-port.ts';
import { Guardian } from '../stack/process/guardian.ts';
import type { Server } from '../stack/process/server.ts';
import { startNginx } from '../stack/servers/nginx.ts';
import { READY_MS_MAX } from './worker-cluster.ts';
import { WorkerProcess, type WorkerSettings } from './worker-process.ts';

export const GATEWAY_PROGRAM = 'src/bin/gateway.ts';
const STOP_GRACE_MS = 10_000;

export interface TierSettings extends Pick<WorkerSettings, 'root' | 'env' | 'logFolder' | 'program'> {
  readonly gateways: number;
  readonly hasBalancer: boolean;
  readonly signal: AbortSignal;
}

export class GatewayTier {
  readonly gateways: readonly WorkerProcess[];
  private readonly settings: TierSettings;
  private readonly guardian: Guardian;
  private readonly folder: string;
  private balancer: Server | null = null;

  private constructor(settings: TierSettings, ports: readonly number[]) {
    this.settings = settings;
    this.folder = mkdtempSync(join(tmpdir(), 'els-gateways-'));
    // Started by root, nginx works as somebody else and must be able to enter.
    chmodSync(this.folder, 0o755);
    this.guardian = new Guardian(this.folder);
    const { guardian } = this;
    const { root, env, logFolder, program } = settings;
    this.gateways = ports.map((port, index) => {
      const name = `gateway-${index + 1}`;
      return new WorkerProcess({ name, root, program, env, logFolder, guardian, port });
    });
  }

  /** Nothing runs yet. */
  static async make(settings: TierSettings): Promise<GatewayTier> {
    return new GatewayTier(settings, await freePorts(settings.gateways));
  }

  /** Where clients go. */
  get url(): string {
    return this.balancer === null ? (this.gateways[0]?.url ?? '') : `http://127.0.0.1:${this.balancer.port}`;
  }

  /** Of the gateway of this index, past the balancer. */
  urlOf(index: number): string {
    return this.gateways[index % this.gateways.length]?.url ?? '';
  }

  /** By its address, as the balancer and the clients have it; the last one where several were tried. */
  nameAt(address: string | null): string | null {
    const port = address?.split(':').at(-1);
    return this.gateways.find(({ url }) => new URL(url).port === port)?.name ?? null;
  }

  /** Begins to start them; their addresses are known then. */
  async start(): Promise<void> {
    const { hasBalancer, signal } = this.settings;
    for (const gateway of this.gateways) await gateway.start();
    if (!hasBalancer) return;
    const context = { dataDir: this.folder, guardian: this.guardian, signal, onProgress: () => undefined };
    const ports = this.gateways.map(({ url }) => Number(new URL(url).port));
    this.balancer = await startNginx(context, ports);
  }

  async waitReady(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.waitReady(READY_MS_MAX, this.settings.signal)));
  }

  /** Ends nobody asked for. */
  get crashes(): readonly string[] {
    return this.gateways.flatMap(({ name, exits }) =>
      exits.filter((exit) => !exit.asked).map((exit) => `${name}: ${exit.signal ?? `exit ${exit.code}`}`),
    );
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    try {
      await this.balancer?.stop();
      await Promise.all(this.gateways.map((gateway) => gateway.stop(STOP_GRACE_MS)));
    } finally {
      await this.guardian.release();
    }
  }
}
