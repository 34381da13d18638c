/** The loads of a part together: what was planned, and what has been sent so far. */
import { type Manifest, totalsOf } from '../generator/manifest.ts';
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
  const batches = [...one.batches, ...other.batches];
  return { options: one.options, batches, totals: totalsOf(batches, one.totals.inputs + other.totals.inputs) };
}
