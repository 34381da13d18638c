/** What every part of a starting stack is given. */
import type { Guardian } from './guardian.ts';
import type { Progress } from './progress.ts';
import type { Server } from './server.ts';

export interface StackContext {
  /** Of this stack alone; removed when it stops. */
  readonly dataDir: string;
  readonly guardian: Guardian;
  /** Aborted when another part failed: nothing more may be started. */
  readonly signal: AbortSignal;
  readonly onProgress: Progress;
}

/** One kind of server, running. */
export interface Started {
  readonly servers: readonly Server[];
  /** What clients connect to. */
  readonly address: string;
  /** Version and where it comes from. */
  readonly description: string;
}
