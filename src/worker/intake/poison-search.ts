/**
 * Finds the poison record, the one that ends every process that handles it, and sets it aside unparsed.
 *
 * A process marks the first records that it takes of a partition in an epoch, before it handles them; once they are
 * resolved the partition needs no mark any more. A restart begins with the record that ended the process, so that record
 * is among the marked ones by the second time. A mark that is found when a partition begins says that exactly these
 * records were in hand when a process ended uncleanly. They are handled one at a time, one such record in the whole
 * process, and everything else goes on as ever: each is noted in the store, together with the position before it, then
 * handled. A record that is found noted was therefore being handled, it and no other of its partition, when the process
 * ended; and an innocent one is never noted twice, because what lies below the position is not noted again.
 */
import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import type { InboundRecord, MarkedStretch, PartitionStart } from '../../domain/ports.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { answerAt } from '../settle/answers.ts';
import type { HandleGroup } from '../settle/handle-group.ts';
import type { Answered, Resolution } from '../settle/resolution.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { OwnedPartitions, RecordGroup } from './owned-partitions.ts';
import type { PoisonMarks } from './poison-marks.ts';

/** A record noted this often before, each time by a process that did not live to resolve it, is not handled again. */
const NOTED_BEFORE_MAX = 2;
const STAYS_MS_MAX = 5_000;
const STAYS_DELAY_MS = 10;

export interface PoisonSearchDeps {
  readonly marks: PoisonMarks;
  readonly handler: Pick<HandleGroup, 'handle' | 'setAside'>;
  readonly log: Logger;
}

/** What the search knows of a partition, as long as its epoch lasts. */
interface Note {
  /** Records from here to below `offsetEnd` are handled one at a time. */
  settledNext: number;
  offsetEnd: number;
  /** The end of our mark; undefined when the store has none. */
  markedEnd: number | undefined;
  /** Until the first records of the epoch came through. */
  needsMark: boolean;
  /** The record that we noted last, and how often it had been noted before. */
  record: { readonly offset: number; readonly notedBefore: number } | undefined;
}

export class PoisonSearch {
  private readonly deps: PoisonSearchDeps;
  private keepsMarks = false;
  private readonly notes = new WeakMap<OwnedPartition, Note>();
  private isSearching = false;
  private turn = 0;

  constructor(deps: PoisonSearchDeps) {
    this.deps = deps;
  }

  begin({ all, epoch }: OwnedPartitions, starts: readonly PartitionStart[]): void {
    let partitionCount = 0;
    let recordCountMax = 0;
    for (const [index, owned] of all.entries()) {
      const { offsetNext, leftInHand } = answerAt(starts, index);
      const { offsetEnd, settledNext } = leftInHand ?? { offsetEnd: offsetNext, settledNext: offsetNext };
      this.notes.set(owned, { offsetEnd, settledNext, markedEnd: undefined, needsMark: true, record: undefined });
      if (leftInHand === undefined) continue;
      owned.releaseSingly();
      partitionCount += 1;
      recordCountMax += offsetEnd - offsetNext;
    }
    if (partitionCount === 0) return;
    const fields = { epoch, partitionCount, recordCountMax };
    this.deps.log.warn(fields, 'a worker was killed or crashed with records in hand; these are handled one by one');
  }

  /** The next record to be handled alone, taken from its partition; undefined while one is, or when there is none. */
  next({ all }: OwnedPartitions, nowMs: number): RecordGroup | undefined {
    if (this.isSearching) return undefined;
    // What was handled before is resolved, but the store does not know yet: were the process to end now, an innocent
    // record would be noted again.
    if (all.some((owned) => this.noteOf(owned).markedEnd !== undefined && owned.uncommitted() !== undefined))
      return undefined;
    this.turn += 1;
    for (let step = 0; step < all.length; step += 1) {
      const owned = all[(step + this.turn) % all.length];
      if (owned === undefined || !owned.leavesSingly || owned.readyCount(nowMs) === 0) continue;
      const group: RecordGroup = { records: [], sequences: [], stretches: [{ owned, start: 0, end: 1 }] };
      owned.take(1, group, nowMs);
      this.isSearching = true;
      return group;
    }
    return undefined;
  }

  /** Handles what `next` gave; undefined when its epoch ended before it came to that. */
  async handle(group: RecordGroup, epoch: OwnedPartitions): Promise<Resolution[] | undefined> {
    const owned = group.stretches[0]?.owned;
    const record = group.records[0];
    assert(owned !== undefined && record !== undefined, 'one record is handled alone');
    try {
      const notedBefore = await this.noteRecord(owned, record);
      if (!epoch.isCurrent) return undefined;
      return [await this.resolveNow(record, notedBefore, epoch)];
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return [{ kind: 'retry', error }];
    } finally {
      this.isSearching = false;
    }
  }

  /** Marks what has to be, then handles; undefined when the epoch ended before it came to that. */
  async handleGroup(group: RecordGroup, epoch: OwnedPartitions): Promise<Answered[] | undefined> {
    const unmarked: { readonly note: Note; readonly stretch: MarkedStretch }[] = [];
    for (const { owned, start, end } of group.stretches) {
      const note = this.noteOf(owned);
      const stretch = {
        topic: owned.topic,
        partition: owned.partition,
        offsetFrom: answerAt(group.records, start).offset,
        offsetEnd: answerAt(group.records, end - 1).offset + 1,
      };
      if (note.needsMark) unmarked.push({ note, stretch });
    }
    if (unmarked.length > 0) {
      // Noted before it is known, since a mark may be written that we never hear of.
      for (const { note, stretch } of unmarked) note.markedEnd = stretch.offsetEnd;
      await this.deps.marks.mark(unmarked.map(({ stretch }) => stretch));
      if (!epoch.isCurrent) return undefined;
    }
    return this.deps.handler.handle(group.records);
  }

  /** Partitions whose first records came through need no mark any more, and leave in groups from there on. */
  settled(partitions: Iterable<OwnedPartition>): void {
    for (const owned of partitions) {
      const note = this.noteOf(owned);
      if (owned.leavesSingly && owned.resolvedNext >= note.offsetEnd) owned.releaseInGroups();
      if (note.markedEnd !== undefined && owned.resolvedNext >= note.markedEnd) note.needsMark = false;
    }
  }

  /** The store has no mark any more below a position that it was told. */
  committed(moved: readonly OwnedPartition[]): void {
    for (const owned of moved) {
      const note = this.noteOf(owned);
      if (note.markedEnd !== undefined && owned.committed().offsetNext >= note.markedEnd) note.markedEnd = undefined;
    }
  }

  /** After a bug our marks stay, so that the next owner searches for its record as after a crash. */
  keepMarks(): void {
    this.keepsMarks = true;
  }

  /** Takes our marks from those that have one: this process lives to end its work on them. */
  async clear(partitions: readonly OwnedPartition[]): Promise<void> {
    if (this.keepsMarks) return;
    const marked = partitions.filter((owned) => this.noteOf(owned).markedEnd !== undefined);
    for (const owned of marked) this.noteOf(owned).markedEnd = undefined;
    await this.deps.marks.clear(marked);
  }

  private noteOf(owned: OwnedPartition): Note {
    const note = this.notes.get(owned);
    assert(note !== undefined, 'a partition is begun before it is used');
    return note;
  }

  /**
   * Stays with the record for a while when its batch is busy or something is away, which is likely just after a crash:
   * were another one handled meanwhile, and ended the process, this one would look as if it had.
   */
  private async resolveNow(record: InboundRecord, notedBefore: number, epoch: OwnedPartitions): Promise<Resolution> {
    const endMs = performance.now() + STAYS_MS_MAX;
    for (;;) {
      const resolution = await this.resolve(record, notedBefore);
      if (resolution.kind === 'resolved' || !epoch.isCurrent || performance.now() > endMs) return resolution;
      await delay(STAYS_DELAY_MS);
    }
  }

  private async resolve(record: InboundRecord, notedBefore: number): Promise<Resolution> {
    if (notedBefore < NOTED_BEFORE_MAX) {
      const answer = answerAt(await this.deps.handler.handle([record]), 0);
      return answer.kind === 'awaited' ? answer.resolution : answer;
    }
    const detail = `The process ended ${notedBefore} times while it handled this record.`;
    const { topic, partition, offset } = record;
    this.deps.log.error({ topic, partition, offset, notedBefore }, 'poison record set aside');
    return this.deps.handler.setAside(record, 'crashed_process', detail, notedBefore);
  }

  /** Notes the record before it is handled; answers how often it had been noted before. */
  private async noteRecord(owned: OwnedPartition, record: InboundRecord): Promise<number> {
    const note = this.noteOf(owned);
    // Settled before, or behind the marked ones, which compaction may have taken.
    if (record.offset < note.settledNext || record.offset >= note.offsetEnd) return 0;
    // Noted already by this very process, which lives: a retry of a transient failure is no crash.
    if (note.record?.offset === record.offset) return note.record.notedBefore;
    note.markedEnd = note.offsetEnd;
    let notedBefore: number | undefined;
    try {
      notedBefore = await this.deps.marks.markRecord(record);
    } catch (error) {
      throw new StoreUnavailable('The store of poison marks did not answer.', { cause: error });
    }
    // Without the store a crash would not be recognised: one record at a time has no use then.
    if (notedBefore === undefined) note.offsetEnd = record.offset;
    note.record = { offset: record.offset, notedBefore: notedBefore ?? 0 };
    return note.record.notedBefore;
  }
}

class StoreUnavailable extends Error {}
