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
  readonly standby?: Standby;
  readonly watchedRedis?: FailingOverRedis;
  /** Folder of the file system that part of what it writes is on. */
  readonly smallDisk?: string;
}

/** The second server of a pair: it follows the primary, can be cut off from it, and takes its place. */
export interface Standby {
  readonly primary: Server;
  readonly server: Server;
  /** The pair has done its work: there is nobody to follow any more. */
  readonly isPromoted: boolean;
  /** Addresses of both, for a client that finds the writable one itself: host:port,host:port. */
  readonly hosts: string;
  /** From now on the standby hears of nothing; the primary goes on without it. */
  cutOff(): Promise<void>;
  /** The standby takes writes when this resolves, and the stack's address leads to it. The primary must be dead. */
  promote(): Promise<void>;
  /** No way leads to either by the stack's address any more. */
  close(): Promise<void>;
}

/** Redis whose master is whom sentinels name. */
export interface FailingOverRedis {
  /** Of the master, as sentinels know it. */
  readonly name: string;
  /** Addresses of the sentinels: host:port,host:port. */
  readonly hosts: string;
  readonly master: Server;
  /** The servers have done their work: another failover would not come in time. */
  readonly isFailedOver: boolean;
  /** Resolves when the replica is the master and the stack's address leads to it. */
  untilFailedOver(): Promise<void>;
  /** No way leads to any by the stack's address any more. */
  close(): Promise<void>;
}
