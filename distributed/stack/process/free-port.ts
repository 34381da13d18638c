/**
 * Chooses loopback ports nobody listens on. They lie below the range systems use for outgoing connections, so that a
 * server that was killed finds its port free when it is started again. Another process may still take a port
 * between choice and use: the caller starts again with others.
 */
import { createServer } from 'node:net';
import type { Progress } from './progress.ts';
import { PortTakenError, StackError } from './stack-error.ts';

const PORT_MIN = 15_000;
const PORT_MAX = 32_000;
const ATTEMPTS_MAX = 200;
const STARTS_MAX = 5;

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX && ports.size < count; attempt += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new StackError(`no free port on 127.0.0.1 between ${PORT_MIN} and ${PORT_MAX}`);
  return [...ports];
}

/** Starts something on a port of its own; with another one when somebody was faster. */
export async function onFreePort<T>(
  name: string,
  start: (port: number) => Promise<T>,
  { onProgress, signal }: { readonly onProgress: Progress; readonly signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const [port = 0] = await freePorts(1);
    try {
      return await start(port);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === STARTS_MAX || signal.aborted) throw error;
      onProgress(`a port of ${name} was taken meanwhile, starting again with another`);
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
