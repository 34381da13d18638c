/** What decides who may see a batch, and how often who asks is counted. */

/** Fixed by the registration; both null before it, and after the batch's retention. */
export interface BatchOwner {
  readonly userId: string | null;
  readonly orgId: string | null;
}

export interface BatchOwners {
  /** Of those that are there. */
  ofBatches(batchIds: readonly string[]): Promise<ReadonlyMap<string, BatchOwner>>;
  /** Null when no registration gave this essay id. */
  ofEssay(essayId: string): Promise<BatchOwner | null>;
}

export interface WindowCount {
  readonly count: number;
  /** Until it begins again at 0. */
  readonly endsInMs: number;
}

/** Counts for all gateways together. Undefined where it cannot; never throws, never waits long. */
export interface SharedCounter {
  count(key: string, windowMs: number): Promise<WindowCount | undefined>;
}
