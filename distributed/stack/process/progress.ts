/** Progress for people: nobody looks at a silent terminal. */
const BEAT_MS = 1_500;

/**
 * Says what is being done: one line when a work begins and one at least every two seconds while it lasts, so that
 * nobody looks at a silent terminal.
 */
export type Progress = (line: string) => void;

/** Runs `work` and reports it; `detail` adds how far it has come. */
export async function announced<T>(
  what: string,
  onProgress: Progress,
  work: () => Promise<T>,
  detail: () => string = () => '',
): Promise<T> {
  const startedAtMs = Date.now();
  onProgress(what);
  const beat = setInterval(() => {
    const seconds = Math.round((Date.now() - startedAtMs) / 1_000);
    onProgress(`${what}: ${seconds} s${detail()}`);
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
