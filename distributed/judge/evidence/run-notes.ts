/** What is noted about a run while its files are read: holes in them, owners of refused slots, faults that met work. */
import { faultWindowsOf } from '../../run/fault-windows.ts';
import type { FaultRecord, TopicRecord } from '../../run/records.ts';
import type { TopicFile } from '../../run/run-directory.ts';
import type { JudgedInput, LooseInput } from './input-records.ts';
import type { Letter } from './output-records.ts';

const GAPS_KEPT_MAX = 100;

/** Where a file goes on with another offset or index than the next. */
export class GapNotes {
  readonly inTopics: string[] = [];
  readonly inHistory: string[] = [];
  /** By file and `topic/partition`. */
  private readonly last = new Map<string, number>();
  private nextIndex = 0;

  noteRecord(file: TopicFile, { topic, partition, offset }: TopicRecord): void {
    const name = `${topic}/${partition}`;
    const before = this.last.get(`${file} ${name}`);
    if (before !== undefined && offset !== before + 1 && this.inTopics.length < GAPS_KEPT_MAX) {
      this.inTopics.push(`${file}.jsonl goes from ${name}@${before} to ${offset}`);
    }
    this.last.set(`${file} ${name}`, offset);
  }

  noteHistory(index: number): void {
    if (index !== this.nextIndex && this.inHistory.length < GAPS_KEPT_MAX) {
      this.inHistory.push(`history.jsonl goes from line ${this.nextIndex - 1} to ${index}`);
    }
    this.nextIndex = index + 1;
  }

  lastOffset(file: TopicFile, topic: string, partition: number): number | undefined {
    return this.last.get(`${file} ${topic}/${partition}`);
  }
}

/** A registration may be refused because its slots are another batch's: then that batch must have them. */
export class OwnerSearch {
  /** Of essay ids that a refused registration asked for: the batch that has them. */
  readonly found = new Map<string, string>();
  private readonly refused = new Set<string>();
  private readonly asked = new Set<string>();

  constructor(letters: ReadonlyMap<string, readonly Letter[]>) {
    for (const [origin, copies] of letters) {
      if (copies.some(({ reason }) => reason === 'conflicting_registration')) this.refused.add(origin);
    }
  }

  noteInput(address: string, input: JudgedInput | LooseInput): void {
    if (input.kind !== 'registration' || !this.refused.has(address)) return;
    for (const id of input.essayIds) this.asked.add(id);
  }

  noteSlot(essayId: string, batchId: string): void {
    if (this.asked.has(essayId)) this.found.set(essayId, batchId);
  }
}

/** How many faults lasted while the database changed. */
export class FaultWindows {
  private readonly windows: { readonly fromMs: number; readonly toMs: number; met: boolean }[];

  constructor(faults: readonly FaultRecord[]) {
    this.windows = faultWindowsOf(faults).flatMap(({ fromMs, untilMs }) =>
      untilMs === null ? [] : [{ fromMs, toMs: untilMs, met: false }],
    );
  }

  get metWork(): number {
    return this.windows.filter((window) => window.met).length;
  }

  noteChange(atMs: number): void {
    for (const window of this.windows) window.met ||= window.fromMs <= atMs && atMs <= window.toMs;
  }
}
