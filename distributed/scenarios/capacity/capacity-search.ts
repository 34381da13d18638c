/**
 * The highest rate that is sustained, by trials: up from a first guess in steps until a rate fails, then halving the
 * gap. Pure but for the trials; at most `trialsMax` of them.
 */
export interface CapacitySearch {
  readonly firstRate: number;
  /** Step up while rates hold, for example 1.5. */
  readonly growth: number;
  /** The search ends when the gap is smaller than this share of the rate. */
  readonly tolerance: number;
  readonly trialsMax: number;
}

export interface Trial {
  readonly rate: number;
  readonly sustained: boolean;
}

export interface Capacity {
  /** 0 when no rate was sustained. */
  readonly rate: number;
  /** Lowest rate that failed; null when none did, and the true capacity is higher. */
  readonly failedAt: number | null;
  readonly trials: readonly Trial[];
}

export async function searchCapacity(
  search: CapacitySearch,
  attempt: (rate: number) => Promise<boolean>,
): Promise<Capacity> {
  const trials: Trial[] = [];
  let sustained = 0;
  let failed: number | null = null;
  while (trials.length < search.trialsMax) {
    const rate = nextRate(search, sustained, failed);
    if (failed !== null && sustained > 0 && failed - sustained <= search.tolerance * sustained) break;
    const holds = await attempt(rate);
    trials.push({ rate, sustained: holds });
    if (holds) sustained = rate;
    else failed = rate;
  }
  return { rate: sustained, failedAt: failed, trials };
}

function nextRate({ firstRate, growth }: CapacitySearch, sustained: number, failed: number | null): number {
  if (failed === null) return sustained === 0 ? firstRate : sustained * growth;
  return sustained === 0 ? failed / growth : (sustained + failed) / 2;
}
