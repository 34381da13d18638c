/** What is written down of a scenario before it runs: its question, and the parts that answer it. */
import type { LoadOptions } from '../generator/load-options.ts';
import type { RaceName } from '../judge/races/count-races.ts';
import type { ServerNeeds } from '../stack/stack.ts';
import type { Stage } from './stage.ts';

/** One part of a scenario: a sandbox of its own, some workers, a script, and what must have been seen. */
export interface PartPlan {
  /** Unique within the scenario; letters, digits, dashes. */
  readonly name: string;
  readonly workers: number;
  readonly partitions?: number;
  /** What the part needs beyond one server of each; then it runs only where the harness starts the servers itself. */
  readonly servers?: ServerNeeds;
  /** Nodes that it freezes: the harness itself does not begin with one of them, and so measures the workers, not itself. */
  readonly victims?: readonly number[];
  /** Settings of the workers beyond the addresses. */
  readonly env?: Readonly<Record<string, string>>;
  /** How often a race must have happened; else the part is unknown. */
  readonly races?: Readonly<Partial<Record<RaceName, number>>>;
  /** What makes the part what it is, for `env.json`. */
  readonly options?: Readonly<Record<string, unknown>> | LoadOptions;
  /** Largest message of the part's topics, where more than the broker's default is needed. */
  readonly messageBytesMax?: number;
  /** Cores each worker may use, where the system can limit it. */
  readonly cpuCores?: number;
  /** False: no triggers note the changes. What only they can tell is then not judged, and nothing slows the service. */
  readonly audit?: boolean;
  /** A gateway beside the workers, so that people can watch; it takes no part in what is judged. */
  readonly isWatchable?: boolean;
  /** Its workers can be told to end themselves at a step of their work: a program made for that runs them. */
  readonly endsWorkers?: boolean;
  /** A worker that ends by itself is an answer here, not a defect. */
  readonly exitsAllowed?: boolean;
  /** Starts with no worker running; leaves everything as it should be judged. */
  run(stage: Stage): Promise<void>;
}

/** A named question to the service, with the parts that answer it. */
export interface Scenario {
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly goal: string;
  /** How that is tried, in one sentence. */
  readonly method: string;
  readonly defaultInstances: readonly number[];
  /** In `all` of the full tier only. */
  readonly isLong?: boolean;
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
