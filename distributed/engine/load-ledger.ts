/** The loads of a part together: what was planned, and what has been sent so far. */
import type { BatchExpectation, Manifest, ManifestTotals } from '../generator/manifest.ts';
import type { SendableInput, SendableLoad } from '../generator/sendable.ts';

export class LoadLedger {
  private readonly loads: SendableLoad[] = [];
  private sentInCurrent = 0;

  add(load: SendableLoad): void {
    this.loads.push(load);
    this.sentInCurrent = 0;
  }

  noteSending(_input: SendableInput): void {
    this.sentInCurrent++;
  }

  /** Of the load that is being sent: events that nobody has seen yet, the soonest first. */
  futureEventIds(max: number): string[] {
    const load = this.loads.at(-1);
    const ids = new Set<string>();
    let index = 0;
    for (const input of load?.inputs() ?? []) {
      if (index++ < this.sentInCurrent) continue;
      if (input.kind === 'content' || input.kind === 'failure') ids.add(input.eventId);
      if (ids.size >= max) break;
    }
    return [...ids];
  }

  /** Null when nothing was sent whose outcome is planned. */
  manifest(): Manifest | null {
    const [first, ...rest] = this.loads.map(({ manifest }) => manifest);
    if (first === undefined) return null;
    return rest.reduce((sum, next) => merge(sum, next), first);
  }

  totals(): { readonly inputs: number; readonly slots: number; readonly batches: number } {
    const totals = this.manifest()?.totals;
    return { inputs: totals?.inputs ?? 0, slots: totals?.slots ?? 0, batches: totals?.batches ?? 0 };
  }
}

function merge(one: Manifest, other: Manifest): Manifest {
  return {
    options: one.options,
    batches: [...one.batches, ...other.batches],
    totals: addTotals(one.totals, other.totals),
  };
}

function addTotals(one: ManifestTotals, other: ManifestTotals): ManifestTotals {
  const counts = ['inputs', 'batches', 'slots', 'contents', 'failures', 'duplicates', 'repeats', 'conflicts'] as const;
  const ranges = ['filled', 'failed', 'excess'] as const;
  return {
    ...one,
    ...Object.fromEntries(counts.map((name) => [name, one[name] + other[name]])),
    ...Object.fromEntries(
      ranges.map((name) => [name, { min: one[name].min + other[name].min, max: one[name].max + other[name].max }]),
    ),
    completions: one.completions + other.completions,
  };
}

export function totalsOf(batches: readonly BatchExpectation[], inputs: number): ManifestTotals {
  const sum = (of: (batch: BatchExpectation) => number) => batches.reduce((total, batch) => total + of(batch), 0);
  const range = (name: 'filled' | 'failed' | 'excess') => ({
    min: sum((batch) => batch[name].min),
    max: sum((batch) => batch[name].max),
  });
  return {
    inputs,
    batches: batches.length,
    slots: sum((batch) => batch.slots),
    contents: sum((batch) => batch.contents),
    failures: sum((batch) => batch.failures),
    duplicates: sum((batch) => batch.duplicates),
    repeats: sum((batch) => batch.repeats),
    conflicts: sum((batch) => batch.conflicts),
    completions: sum((batch) => (batch.completion ? 1 : 0)),
    filled: range('filled'),
    failed: range('failed'),
    excess: range('excess'),
  };
}
