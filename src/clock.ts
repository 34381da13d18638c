import type { Clock } from './domain/ports.ts';

/** The wall clock of the process: for timestamps shown to people, never for order or durations. */
export const systemClock: Clock = { nowMs: () => Date.now() };
