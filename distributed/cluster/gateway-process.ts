/** A gateway beside the workers, for people who watch in a browser what happens. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Guardian } from '../stack/process/guardian.ts';
import { WorkerProcess, type WorkerSettings } from './worker-process.ts';

const GATEWAY_PROGRAM = 'src/bin/gateway.ts';
const STOP_GRACE_MS = 5000;

export class GatewayProcess {
  private readonly guardian = new Guardian(mkdtempSync(join(tmpdir(), 'els-gateway-')));
  private readonly process: WorkerProcess;

  constructor(settings: Pick<WorkerSettings, 'root' | 'env' | 'logFolder'>) {
    const { guardian } = this;
    this.process = new WorkerProcess({ ...settings, name: 'gateway-1', program: GATEWAY_PROGRAM, guardian });
  }

  /** Its address is known as soon as it has begun to start. */
  get url(): string {
    return this.process.url;
  }

  start(): Promise<void> {
    return this.process.start();
  }

  waitReady(deadlineMs: number): Promise<void> {
    return this.process.waitReady(deadlineMs);
  }

  async stop(): Promise<void> {
    try {
      await this.process.stop(STOP_GRACE_MS);
    } finally {
      await this.guardian.release();
    }
  }
}
