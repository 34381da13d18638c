import type { LiveState } from '../engine/display/live-state.ts';
import type { Progress } from '../stack/process/progress.ts';

const INTERVAL_MS = 2_000;

/** How far the service is, as one line every two seconds. */
export function throttledState(say: Progress, phase: () => string): (state: LiveState) => void {
  let saidAtMs = 0;
  return ({ complete, open, announced, filled, burnt, lag, unpublished }) => {
    if (Date.now() - saidAtMs < INTERVAL_MS) return;
    saidAtMs = Date.now();
    const batches = announced + open + complete;
    say(
      `${phase()}: ${complete} of ${batches} batches complete, ${filled + burnt} slots, lag ${lag}, outbox ${unpublished}`,
    );
  };
}
