/** What a demo run is asked to do. */
import type { LoadOptions } from '../generator/load-options.ts';
import type { StackSource } from '../stack/stack.ts';

export interface DemoOptions {
  readonly workers: number;
  readonly load: LoadOptions;
  /** Publish first, then start the workers and time how fast they catch up. */
  readonly backlog: boolean;
  /** SIGKILL one worker in mid-load and start it again. */
  readonly killOne: boolean;
  /** Freeze one worker for longer than its Kafka session, then let it go on. */
  readonly pauseOne: boolean;
  /** A gateway, whose page shows the batches filling. */
  readonly gateway: boolean;
  readonly kafkaNodes: 1 | 3;
  readonly stack: StackSource;
}

/** Small enough to watch, large enough to race: about 9 700 inputs in 25 s. */
export const DEMO_LOAD: LoadOptions = {
  seed: 1,
  batches: 300,
  slots: 20,
  duplicatePercent: 30,
  farDuplicatePercent: 50,
  excessPercent: 20,
  failurePercent: 5,
  earlyPercent: 10,
  repeatPercent: 10,
  conflictPercent: 2,
  incompletePercent: 0,
  ratePerSecond: 0,
  durationSeconds: 25,
  routing: 'adversarial',
  batchesInFlight: 20,
  startAtMs: 0,
};
