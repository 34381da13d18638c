/**
 * One way to break something. `start` and `stop` answer with evidence that the thing really broke and really is whole
 * again, looked at from outside; null is no evidence, and a run with a fault that nobody saw proves nothing about it.
 */
export interface Injector {
  readonly fault: string;
  readonly target: string;
  start(): Promise<Evidence | null>;
  stop(): Promise<Evidence | null>;
}

/** `atMs` among it: when it really broke, where that is later than it was asked for (epoch). */
export type Evidence = Readonly<Record<string, unknown>>;
