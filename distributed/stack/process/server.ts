/**
 * One server of a stack, wherever it runs: what tests and faults can do to it, and how they tell one run of it from the
 * next.
 */
export interface Server {
  readonly name: string;
  /** Where it accepts connections, the same for as long as the stack lives. */
  readonly host: string;
  readonly port: number;
  /** Its main process on this machine, for measuring; undefined if it does not run, or not in sight. */
  readonly pid: number | undefined;
  /** Which run of the server this is; undefined while there is none. */
  readonly identity: ServerIdentity | undefined;
  /** All it has said. */
  readonly logFile: string;
  /** Resolves when it accepts connections; again after `stop` or `kill`: same port, same data. */
  start(abort?: AbortSignal): Promise<void>;
  /** Orderly end; by force when that takes too long. */
  stop(): Promise<void>;
  /** SIGSTOP freezes it, SIGCONT thaws it; after SIGKILL it is gone when this resolves. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends it at once, data lost. */
  abandon(): Promise<void>;
}

export type ServerIdentity = Readonly<Record<string, string | number>>;
