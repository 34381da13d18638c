/**
 * How often the races really happened that a scenario is about, from the run directory alone. A race seen less often
 * than needed makes the verdict unknown: a green run proves little unless the race happened.
 */
import { z } from 'zod';
import type { MetricSample } from '../../run/records.ts';
import type { Race } from '../../run/results.ts';
import type { RunEvidence } from '../evidence/run-evidence.ts';
import type { SliceEvidence } from '../evidence/slice-evidence.ts';
import type { RunObserver } from '../judge-evidence.ts';
import { claimRacesOf } from './claims.ts';

/** What can be counted, with its name and unit in the report. */
export const RACES = {
  overlappingClaims: ['Transactions of two instances on one batch at the same time', 'pairs'],
  busyBatches: ['Batches that a worker found in the hands of another transaction', 'times'],
  sharedBatches: ['Batches that two or more instances took slots of', 'batches'],
  skippedSlots: ['SKIP LOCKED passed over a slot that somebody held', 'slots'],
  uniqueConflicts: ['Unique violations the workers met (23505)', 'conflicts'],
  closeFinishes: ['Last two slots taken by two transactions within 50 ms', 'batches'],
  repeatedContents: ['Records of a content that was sent before', 'records'],
  drainedInputs: ['Inputs that waited for their registration', 'inputs'],
  redeliveries: ['Records handled again after a delivery before', 'records'],
  rebalances: ['Rebalances after the first assignment', 'rebalances'],
  relayTakeovers: ['Outbox rows taken over from the instance that wrote them', 'rows'],
  deadLetterReasons: ['Different reasons of dead letters', 'reasons'],
  faultsMetWork: ['Faults during which slots were taken', 'faults'],
} as const;

export type RaceName = keyof typeof RACES;
export type RaceCounts = Readonly<Record<RaceName, number>>;

/** Counters of the workers, under the names that `metrics.jsonl` has them. */
export const COUNTERS = {
  /** els_database_errors_total{sqlstate="23505"}. A statement that failed so has certainly met a twin. */
  uniqueConflicts: 'unique_conflicts_total',
  /** els_batches_parked_total{because="busy"}. Who finds a batch locked, or changed since it looked, has met another. */
  busyBatches: 'busy_batches_total',
  /** els_inputs_total, all labels together. What a killed worker handled last may be missing: counted too low. */
  inputs: 'inputs_total',
  /** els_rebalances_total. */
  rebalances: 'rebalances_total',
} as const;

/** Counts while a run is judged. */
export class RaceCounter implements RunObserver {
  private readonly counts = Object.fromEntries(Object.keys(RACES).map((name) => [name, 0])) as Record<RaceName, number>;
  private problem: unknown = null;
  private isDone = false;

  /** Throws what kept it from counting. */
  get result(): RaceCounts {
    if (this.problem !== null) throw this.problem;
    if (!this.isDone) throw new Error('the run was not read to its end');
    return this.counts;
  }

  slice(slice: SliceEvidence): void {
    const { counts } = this;
    for (const batch of slice.batches.values()) {
      const races = claimRacesOf(batch.slots, batch.audit);
      counts.overlappingClaims += races.overlaps;
      counts.skippedSlots += races.skips;
      counts.drainedInputs += races.drained;
      if (races.instances >= 2) counts.sharedBatches++;
      if (races.isCloseFinish) counts.closeFinishes++;
      counts.repeatedContents +=
        batch.contents.length - new Set(batch.contents.map((input) => input.textStorageId)).size;
    }
  }

  async run(run: RunEvidence): Promise<void> {
    const { counts } = this;
    const reasons = [...run.letters.values()].flatMap((letters) => letters.map(({ reason }) => reason));
    counts.deadLetterReasons = new Set(reasons).size;
    counts.relayTakeovers = run.outbox.takeovers;
    counts.faultsMetWork = run.faultsMetWork;
    const totals = new CounterTotals();
    for await (const sample of run.directory.readMetrics()) totals.add(sample);
    counts.busyBatches = totals.sum(COUNTERS.busyBatches);
    counts.uniqueConflicts = totals.sum(COUNTERS.uniqueConflicts);
    counts.redeliveries = Math.max(0, totals.sum(COUNTERS.inputs) - run.inputs);
    // Every member counts every generation, so the one that saw most of them counts best.
    counts.rebalances = Math.max(0, totals.max(COUNTERS.rebalances) - 1);
    this.isDone = true;
  }

  failed(error: unknown): void {
    this.problem ??= error;
  }
}

/** What a scenario needs is an option of its run, `races`, so that judging again needs nothing else. */
export function neededRaces(options: Readonly<Record<string, unknown>>): Partial<Record<RaceName, number>> {
  const needed = z.partialRecord(z.enum(Object.keys(RACES) as [RaceName, ...RaceName[]]), z.number());
  return needed.parse(options['races'] ?? {}) as Partial<Record<RaceName, number>>;
}

/** All that was seen, and what the scenario needs first; a race nobody needs has 0 as its need. */
export function racesOf(counts: RaceCounts, needed: Partial<Record<RaceName, number>>): Race[] {
  const names = (Object.keys(RACES) as RaceName[]).filter((name) => counts[name] > 0 || needed[name] !== undefined);
  names.sort((one, other) => Number(needed[other] !== undefined) - Number(needed[one] !== undefined));
  return names.map((name) => {
    const [title, unit] = RACES[name];
    return { name: title, seen: counts[name], needed: needed[name] ?? 0, unit };
  });
}

/** Totals of counters over all processes, from samples. A counter that falls was started anew with its process. */
export class CounterTotals {
  private readonly totals = new Map<string, Map<string, { last: number; total: number }>>();

  add({ process, metric, value }: Pick<MetricSample, 'process' | 'metric' | 'value'>): void {
    const processes = this.totals.get(metric) ?? new Map<string, { last: number; total: number }>();
    this.totals.set(metric, processes);
    const known = processes.get(process) ?? { last: 0, total: 0 };
    const gained = value >= known.last ? value - known.last : value;
    processes.set(process, { last: value, total: known.total + gained });
  }

  sum(metric: string): number {
    return this.of(metric).reduce((sum, total) => sum + total, 0);
  }

  max(metric: string): number {
    return Math.max(0, ...this.of(metric));
  }

  private of(metric: string): number[] {
    return [...(this.totals.get(metric)?.values() ?? [])].map(({ total }) => total);
  }
}
