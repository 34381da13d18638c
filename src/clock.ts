/** The wall clock of the process: for timestamps shown to people, never for order or durations. */
import type { Clock } from './domain/ports.ts';

export const systemClock: Clock = { nowMs: () => Date.now() };
