/**
 * Ctrl-C, a terminal that closes or a polite kill, as a signal to end with what there is; a second one ends at once.
 */
import { EXIT } from '../run/verdict.ts';

const SAME_INTERRUPT_MS = 1_000;

export function listenForInterrupt(): AbortSignal {
  const interrupt = new AbortController();
  let interruptedAtMs = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // One Ctrl-C may arrive several times, from the terminal and from the programs that started us. A later one does
      // not wait any more: the guardians end what is left.
      if (interrupt.signal.aborted && Date.now() - interruptedAtMs > SAME_INTERRUPT_MS) process.exit(EXIT.interrupted);
      if (!interrupt.signal.aborted)
        process.stderr.write('\ninterrupted: judging what there is, once more to stop at once\n');
      interruptedAtMs ||= Date.now();
      interrupt.abort();
    });
  }
  return interrupt.signal;
}
