import type { PartPlan } from '../engine/part-plan.ts';

/** A named question to the service, with the parts that answer it. */
export interface Scenario {
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly goal: string;
  /** How that is tried, in one sentence. */
  readonly method: string;
  readonly defaultInstances: readonly number[];
  parts(request: PartRequest): readonly PartPlan[];
}

export interface PartRequest {
  readonly seed: number;
  readonly instances: readonly number[];
  readonly tier: 'quick' | 'full';
  /** Null: the scenario's own. */
  readonly durationSeconds: number | null;
  /** Names of all scenarios of the run: what another one measures need not be measured twice. */
  readonly alongside: readonly string[];
}

/** The same parts for each number of instances; with one number, without it in the name. */
export function forEachInstances(
  request: PartRequest,
  partsOf: (workers: number) => readonly PartPlan[],
): readonly PartPlan[] {
  return request.instances.flatMap((workers) =>
    partsOf(workers).map((part) =>
      request.instances.length === 1 ? part : { ...part, name: `${part.name}-${workers}-instances` },
    ),
  );
}
