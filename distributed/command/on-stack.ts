/** Servers for as long as some work needs them: started before it, gone after it, however it ends. */
import { Releases, releasing } from '../engine/releases.ts';
import { Sandboxes } from '../engine/sandbox.ts';
import { type ServerNeeds, type Stack, type StackOptions, startStack } from '../stack/stack.ts';

export interface Ground {
  readonly stack: Stack;
  readonly sandboxes: Sandboxes;
  /** For whatever else must be gone before the servers go. */
  readonly releases: Releases;
}

interface GroundOptions {
  readonly source: NonNullable<StackOptions['source']>;
  readonly root: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export async function onStack<T>(
  options: GroundOptions & ServerNeeds,
  work: (ground: Ground) => Promise<T>,
): Promise<T> {
  const ground = await openGround(options, options);
  return releasing(() => work(ground), ground.releases);
}

/** Servers as one part after the other needs them: those of the last one if they fit, and never two stacks at once. */
export class Grounds {
  private readonly options: GroundOptions;
  private current: { readonly needs: string; readonly ground: Ground } | null = null;

  constructor(options: GroundOptions) {
    this.options = options;
  }

  async with(needs: ServerNeeds): Promise<Ground> {
    const {
      kafkaNodes = 1,
      standby = null,
      smallDisk = null,
      redisSentinels = false,
      ways = 0,
      clocks = false,
    } = needs;
    const name = JSON.stringify([kafkaNodes, standby, smallDisk, redisSentinels, ways, clocks]);
    const { current } = this;
    if (current?.needs === name && !isSpent(current.ground.stack)) return current.ground;
    await this.close();
    const ground = await openGround(this.options, needs);
    this.current = { needs: name, ground };
    return ground;
  }

  async close(): Promise<void> {
    const { current } = this;
    this.current = null;
    await current?.ground.releases.all();
  }
}

/** What has failed over will not do so again. */
function isSpent({ standby, watchedRedis }: Stack): boolean {
  return standby?.isPromoted === true || watchedRedis?.isFailedOver === true;
}

async function openGround({ source, root, signal, say }: GroundOptions, needs: ServerNeeds): Promise<Ground> {
  const { kafkaNodes, standby, smallDisk, redisSentinels = false, ways = 0, clocks = false } = needs;
  const optional = { ...(kafkaNodes && { kafkaNodes }), ...(standby && { standby }), ...(smallDisk && { smallDisk }) };
  const wanted = { ...optional, redisSentinels, ways, clocks };
  const starting = startStack({ source, ...wanted, onProgress: say });
  // Interrupted while it starts, we end at once: the guardian of the stack cleans up behind us.
  const stack = await Promise.race([starting, rejectWhenAborted(signal)]);
  const releases = new Releases();
  releases.add(() => stack.stop());
  releases.add(() => say('stopping'));
  const sandboxes = new Sandboxes(stack, root);
  releases.add(() => sandboxes.close().catch(() => undefined));
  return { stack, sandboxes, releases };
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Error('interrupted'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
}
