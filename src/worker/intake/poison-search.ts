/**
 * Finds the poison record, the one that ends every process that handles it, and sets it aside unparsed.
 *
 * An owner marks its partition when it begins and takes the mark away when it has progressed or ends in order. So a
 * mark that is found at the very position where a partition begins says that its former owner ended uncleanly. Then the
 * partition is handled one record at a time, one such record in the whole process: marked in the store, then handled,
 * then committed, before the next is marked. A record that is found marked was therefore being handled, it and no other
 * of its partition, when the process ended; and an innocent record is never marked twice.
 */
import { strict as assert } from 'node:assert';
import type { InboundRecord, TopicPartition } from '../../domain/ports.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { answerAt } from '../settle/answers.ts';
import type { HandleGroup } from '../settle/handle-group.ts';
import type { Resolution } from '../settle/resolution.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { OwnedPartitions, RecordGroup } from './owned-partitions.ts';
import type { PoisonMarks } from './poison-marks.ts';

/** A record marked this often before, each time by an owner that did not live to resolve it, is not handled again. */
const MARKED_BEFORE_MAX = 2;

export interface PoisonSearchDeps {
  readonly marks: PoisonMarks;
  readonly handler: Pick<HandleGroup, 'handle' | 'setAside'>;
  readonly log: Logger;
  readonly searchedRecordsMax: number;
}

/** What the search knows of a partition, as long as its epoch lasts. */
interface Note {
  /** Records still to be handled one at a time. */
  leftCount: number;
  /** The position at which the store has our mark; undefined when it has none. */
  markedNext: number | undefined;
  /** The record that we marked last, and how often it had been marked before. */
  record: { readonly offset: number; readonly markedBefore: number } | undefined;
}

export class PoisonSearch {
  private readonly deps: PoisonSearchDeps;
  private readonly notes = new WeakMap<OwnedPartition, Note>();
  private isSearching = false;
  private turn = 0;

  constructor(deps: PoisonSearchDeps) {
    this.deps = deps;
  }

  /** Marks the partitions of a new epoch and releases them as their former owners' ends demand. */
  async admit(epoch: OwnedPartitions): Promise<void> {
    const positions = epoch.all.map((owned) => owned.committed());
    for (const owned of epoch.all) this.noteOf(owned).markedNext = owned.committed().offsetNext;
    const uncleanCounts = await this.deps.marks.markPartitions(epoch, positions);
    for (const [index, owned] of epoch.all.entries()) {
      const uncleanCount = uncleanCounts === undefined ? 0 : answerAt(uncleanCounts, index);
      if (uncleanCount === 0) {
        owned.releaseInGroups();
        continue;
      }
      owned.releaseSingly();
      this.noteOf(owned).leftCount = this.deps.searchedRecordsMax;
      const { topic, partition } = owned;
      this.deps.log.warn({ topic, partition, uncleanCount }, 'former owners ended uncleanly, one record at a time');
    }
  }

  /** The next record to be handled alone, taken from its partition; undefined while one is, or when there is none. */
  next({ all }: OwnedPartitions, nowMs: number): RecordGroup | undefined {
    if (this.isSearching) return undefined;
    this.turn += 1;
    for (let step = 0; step < all.length; step += 1) {
      const owned = all[(step + this.turn) % all.length];
      if (owned === undefined || !owned.leavesSingly || owned.readyCount(nowMs) === 0) continue;
      // The one before is resolved but the broker does not know yet: were the process to end now, it would be marked
      // again.
      if (owned.uncommitted() !== undefined) continue;
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
      const markedBefore = await this.mark(owned, record, epoch);
      if (!epoch.isCurrent) return undefined;
      const resolution = await this.resolve(record, markedBefore);
      if (resolution.kind === 'resolved') this.noteOf(owned).leftCount -= 1;
      return [resolution];
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return [{ kind: 'retry', error }];
    } finally {
      this.isSearching = false;
    }
  }

  /** After a commit: partitions that came through leave in groups again; those that moved need no mark any more. */
  async progressed(moved: readonly OwnedPartition[]): Promise<void> {
    const done: OwnedPartition[] = [];
    for (const owned of moved) {
      if (owned.leavesSingly && this.noteOf(owned).leftCount <= 0) owned.releaseInGroups();
      if (owned.leavesInGroups) done.push(owned);
    }
    await this.clear(done);
  }

  /** Takes our marks from those that have one: this process lives to end its work on them. */
  async clear(partitions: readonly OwnedPartition[]): Promise<void> {
    const marked: TopicPartition[] = partitions.filter((owned) => this.noteOf(owned).markedNext !== undefined);
    for (const owned of partitions) this.noteOf(owned).markedNext = undefined;
    await this.deps.marks.clear(marked);
  }

  private noteOf(owned: OwnedPartition): Note {
    let note = this.notes.get(owned);
    if (note === undefined) {
      note = { leftCount: 0, markedNext: undefined, record: undefined };
      this.notes.set(owned, note);
    }
    return note;
  }

  private async resolve(record: InboundRecord, markedBefore: number): Promise<Resolution> {
    if (markedBefore < MARKED_BEFORE_MAX) {
      const answer = answerAt(await this.deps.handler.handle([record]), 0);
      return answer.kind === 'awaited' ? answer.resolution : answer;
    }
    const detail = `The process ended ${markedBefore} times while it handled this record.`;
    const { topic, partition, offset } = record;
    this.deps.log.error({ topic, partition, offset, markedBefore }, 'poison record set aside');
    return this.deps.handler.setAside(record, 'crashed_process', detail, markedBefore);
  }

  /** Marks the record before it is handled; answers how often it had been marked before. */
  private async mark(owned: OwnedPartition, record: InboundRecord, epoch: OwnedPartitions): Promise<number> {
    const note = this.noteOf(owned);
    // Marked already by this very process, which lives: a retry of a transient failure is no crash.
    if (note.record?.offset === record.offset) return note.record.markedBefore;
    const position = owned.committed();
    if (note.markedNext !== position.offsetNext) {
      // The mark follows the commits, so that the next owner, who begins there, knows that we ended uncleanly.
      note.markedNext = position.offsetNext;
      await this.deps.marks.markPartitions(epoch, [position]);
    }
    if (!epoch.isCurrent) return 0;
    let markedBefore: number | undefined;
    try {
      markedBefore = await this.deps.marks.markRecord(record);
    } catch (error) {
      throw new StoreUnavailable('The store of poison marks did not answer.', { cause: error });
    }
    // Without the store a crash would not be recognised: one record at a time has no use then.
    if (markedBefore === undefined) note.leftCount = 0;
    note.record = { offset: record.offset, markedBefore: markedBefore ?? 0 };
    return note.record.markedBefore;
  }
}

class StoreUnavailable extends Error {}
