/** What `--list` says of the scenario that brings its own servers, and what it sends. */
import { DEFAULT_LOAD, type LoadOptions } from '../generator/load-options.ts';
import type { RaceName } from '../judge/races/count-races.ts';

const BATCHES = { quick: 100, full: 500 } as const;
/** What a small machine keeps up with beside all these containers: the question is whether the stack is right. */
const RATE_PER_SECOND = 150;

export const DOCKER_COMPOSE = {
  name: 'docker_compose',
  goal: 'The image and the compose stack do what the processes do, on 1, 3 or 5 workers, and leave nothing behind.',
  method:
    'Build, up, health, load by the generator service, requests through nginx, verdict, down. Needs Docker; not in all.',
  defaultInstances: [3],
} as const;

/** Services that others do without. */
export const COMPOSE_EXTRAS: readonly string[] = ['grafana', 'kafka-exporter', 'postgres-exporter', 'redis-exporter'];

type LoadShape = Omit<LoadOptions, 'startAtMs'>;

export function loadOf(request: {
  readonly seed: number;
  readonly tier: 'quick' | 'full';
  readonly durationSeconds: number | null;
}): LoadShape {
  const { startAtMs: _startAtMs, ...defaults } = DEFAULT_LOAD;
  return {
    ...defaults,
    seed: request.seed,
    batches: BATCHES[request.tier],
    conflictPercent: 5,
    batchesInFlight: 6,
    ratePerSecond: RATE_PER_SECOND,
    durationSeconds: request.durationSeconds,
  };
}

/** What must have happened for the verdict to mean something. */
export function racesNeeded(workers: number): Partial<Record<RaceName, number>> {
  return workers === 1 ? { repeatedContents: 50 } : { repeatedContents: 50, sharedBatches: 20 };
}

/** The flags of the generator. */
export function generatorArguments(load: LoadShape): string[] {
  const flags: Record<string, string | number | null> = {
    seed: load.seed,
    batches: load.batches,
    slots: load.slots,
    duplicates: load.duplicatePercent,
    excess: load.excessPercent,
    failures: load.failurePercent,
    early: load.earlyPercent,
    repeats: load.repeatPercent,
    conflicts: load.conflictPercent,
    'in-flight': load.batchesInFlight,
    routing: load.routing,
    rate: load.ratePerSecond,
    duration: load.durationSeconds,
  };
  return Object.entries(flags).flatMap(([name, value]) => (value === null ? [] : [`--${name}`, String(value)]));
}
