/** Processes of one consumer group on an arena: the product's workers, or a peer's. */
import { type GroupWait, waitForJoining, waitForStableGroup } from '../../cluster/kafka-client.ts';
import { productEnv } from '../../cluster/product.ts';
import type { Arena } from '../arena.ts';
import type { Contestant } from '../contestant.ts';
import { Programs } from '../programs.ts';

const GROUP_POLL_INTERVAL_MS = 50;

export interface WorkersOptions extends Pick<Contestant, 'name' | 'kind' | 'about' | 'workers' | 'root'> {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly signal: AbortSignal;
}

export class WorkerGroup {
  readonly programs = new Programs();
  private readonly options: WorkersOptions;
  private readonly arena: Arena;

  constructor(options: WorkersOptions, arena: Arena) {
    this.options = options;
    this.arena = arena;
  }

  /** Aborted when the bench is, or when one of the processes ends. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.options.signal, this.programs.failed]);
  }

  start(): void {
    const { name, workers, command, root, env, logFolder } = this.options;
    const specs = Array.from({ length: workers }, (_, index) => ({
      name: `${name}-${index + 1}`,
      command,
      cwd: root,
      env: {
        ...productEnv(this.arena.addresses),
        LOG_LEVEL: 'warn',
        HTTP_PORT: '0',
        INSTANCE_ID: `bench-${index + 1}`,
        BENCH_WORKERS: String(workers),
        ...env,
      },
    }));
    this.programs.start(specs, logFolder);
  }

  /** It has a member: work may begin, whoever else is still to come. */
  async untilJoined(): Promise<void> {
    await waitForJoining(this.arena.kafka, this.waitFor(1));
  }

  /** None of them coming or going. */
  async untilMembers(members: number): Promise<void> {
    await waitForStableGroup(this.arena.kafka, this.waitFor(members));
  }

  private waitFor(members: number): GroupWait {
    return {
      groupId: this.arena.addresses.consumerGroup,
      isEnough: (found) => found >= members,
      failure: `${this.options.name} did not join its consumer group`,
      intervalMs: GROUP_POLL_INTERVAL_MS,
      signal: this.signal,
    };
  }
}
