import { raceConditions } from './race-conditions.ts';
import type { Scenario } from './scenario.ts';

/** All scenarios, in the order in which `all` runs them. */
export const SCENARIOS: readonly Scenario[] = [raceConditions];
