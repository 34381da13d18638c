/** Servers for as long as some work needs them: started before it, gone after it, however it ends. */
import { type Releases, releasing } from '../engine/releases.ts';
import { Sandboxes } from '../engine/sandbox.ts';
import { type Stack, type StackOptions, startStack } from '../stack/stack.ts';

export interface Ground {
  readonly stack: Stack;
  readonly sandboxes: Sandboxes;
  /** For whatever else must be gone before the servers go. */
  readonly releases: Releases;
}

export async function onStack<T>(
  options: Required<Pick<StackOptions, 'source' | 'kafkaNodes'>> & {
    readonly root: string;
    readonly signal: AbortSignal;
    readonly say: (line: string) => void;
  },
  work: (ground: Ground) => Promise<T>,
): Promise<T> {
  const { root, signal, say } = options;
  const starting = startStack({ source: options.source, kafkaNodes: options.kafkaNodes, onProgress: say });
  // Interrupted while it starts, we end at once: the guardian of the stack cleans up behind us.
  const stack = await Promise.race([starting, rejectWhenAborted(signal)]);
  return releasing(async (releases) => {
    releases.add(() => stack.stop());
    releases.add(() => say('stopping'));
    const sandboxes = new Sandboxes(stack, root);
    releases.add(() => sandboxes.close().catch(() => undefined));
    return work({ stack, sandboxes, releases });
  });
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(new Error('interrupted'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
}
