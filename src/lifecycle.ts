/**
 * One process from start to exit. Services start in order and stop in reverse; what is stopped is first not ready.
 * The process always ends: a stop has a deadline, a second signal cuts it short, and what nobody handled ends it.
 * Exit codes: 0 stopped as asked, 78 start refused, 1 anything else.
 */
import { AppError, describeError } from './errors.ts';
import type { Logger } from './telemetry/logger.ts';
import { settledWithin } from './timing/deadline.ts';

const EXIT_FAILED = 1;
/** How long the last lines may take. */
const FLUSH_MS_MAX = 1_000;

/**
 * Something that runs. Both calls are idempotent; `stop` resolves when nothing of it is left, also after a start
 * that failed half-way, and ends a start that is still waiting for something.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export type Phase = 'starting' | 'running' | 'stopping';

/** EX_CONFIG of sysexits.h: restarting does not help until somebody changes a setting or the world. */
export const EXIT_CONFIG = 78;

export function exitCodeOf(error: unknown): number {
  const hopeless = error instanceof AppError && ['CONFIG_INVALID', 'START_CHECK_FAILED'].includes(error.code);
  return hopeless ? EXIT_CONFIG : EXIT_FAILED;
}

/** A refusal, one problem a line. */
function problemsOf(error: unknown): string[] {
  return describeError(error).split('; ');
}

export class Lifecycle {
  private readonly graceMs: number;
  private readonly log: Logger;
  private readonly begun: Service[] = [];
  private currentPhase: Phase = 'starting';
  /** Whom we are waiting for, to be named when it hangs. */
  private waitingFor = 'nothing';
  private exitCode = 0;
  private signals = 0;

  constructor(options: { readonly graceMs: number; readonly log: Logger }) {
    this.graceMs = options.graceMs;
    this.log = options.log;
  }

  /** Not ready unless `running`. */
  get phase(): Phase {
    return this.currentPhase;
  }

  /** Whoever started it by hand reads lines, not JSON. */
  private readonly isOnTerminal = process.stdout.isTTY === true && process.stderr.isTTY === true;

  /** Ends the process when a signal asks for it; the promise resolves when all services run or none is left. */
  async runUntilSignal(services: readonly Service[]): Promise<void> {
    process.on('SIGTERM', (signal) => this.signalled(signal));
    process.on('SIGINT', (signal) => this.signalled(signal));
    process.on('uncaughtException', (error) => this.fatal(error));
    // In place of Node's own text among our lines.
    process.removeAllListeners('warning');
    process.on('warning', (warning) => this.log.warn({ err: warning }, 'warning of the runtime'));
    process.on('unhandledRejection', (reason) => this.fatal(reason));
    for (const service of services) {
      this.begun.push(service);
      this.waitingFor = service.name;
      try {
        await service.start();
      } catch (error) {
        this.startFailed(service, error);
      }
      if (this.currentPhase !== 'starting') {
        // Asked to stop meanwhile. At most this last one was stopped yet: the others are left to the one who was
        // starting.
        return this.stopAll();
      }
    }
    this.currentPhase = 'running';
    this.log.info('running');
  }

  /** Something is wrong beyond repair: log it, stop in order as far as possible, exit 1. May be called repeatedly. */
  fatal(error: unknown): void {
    this.log.fatal({ err: error }, 'fatal');
    this.requestStop(EXIT_FAILED);
  }

  private signalled(signal: NodeJS.Signals): void {
    this.signals += 1;
    if (this.signals > 1) {
      this.log.fatal({ signal, service: this.waitingFor }, 'stop cut short by a second signal');
      process.exit(EXIT_FAILED);
    }
    this.log.info({ signal }, 'stopping');
    this.requestStop(0);
  }

  private requestStop(exitCode: number): void {
    const phase = this.currentPhase;
    this.beginStop(exitCode);
    if (phase === 'running') {
      void this.stopAll();
    } else if (phase === 'starting') {
      this.cutStartShort();
    }
  }

  /** A start may be waiting for a server, longer than the grace. */
  private cutStartShort(): void {
    const starting = this.begun.at(-1);
    starting?.stop().catch((error: unknown) => {
      this.log.error({ err: error, service: starting.name }, 'stop failed');
    });
  }

  private startFailed({ name }: Service, error: unknown): void {
    if (this.currentPhase === 'stopping') {
      this.log.info({ err: error, service: name }, 'start cut short');
      return;
    }
    const exitCode = exitCodeOf(error);
    if (exitCode === EXIT_CONFIG && this.isOnTerminal) {
      process.stderr.write(`${problemsOf(error).join('\n')}\n`);
    } else {
      this.log.fatal({ err: error, service: name }, 'start failed');
    }
    this.beginStop(exitCode);
  }

  /** Not ready from here on, and gone within the grace. A failure outweighs an orderly stop. */
  private beginStop(exitCode: number): void {
    this.exitCode = Math.max(this.exitCode, exitCode);
    if (this.currentPhase === 'stopping') {
      return;
    }
    this.currentPhase = 'stopping';
    setTimeout(() => {
      this.log.fatal({ service: this.waitingFor, graceMs: this.graceMs }, 'service did not stop in time');
      process.exit(EXIT_FAILED);
    }, this.graceMs);
  }

  private async stopAll(): Promise<void> {
    for (const service of [...this.begun].reverse()) {
      this.waitingFor = service.name;
      try {
        await service.stop();
      } catch (error) {
        this.log.error({ err: error, service: service.name }, 'stop failed');
        this.exitCode = Math.max(this.exitCode, EXIT_FAILED);
      }
    }
    this.log.info({ exitCode: this.exitCode }, 'stopped');
    this.waitingFor = 'log';
    // A log that nobody reads is no reason to stay, or to have failed.
    const flushMs = Math.min(FLUSH_MS_MAX, this.graceMs / 4);
    await settledWithin(new Promise((resolve) => this.log.flush(resolve)), flushMs);
    process.exit(this.exitCode);
  }
}
