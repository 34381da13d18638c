import { strict as assert } from 'node:assert';
import type { InboundRecord, TopicPartition } from '../../domain/ports.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { GroupHandler, Resolution } from '../settle/resolution.ts';
import type { Lane } from './owned-partition.ts';
import type { CrashSuspects } from './poison-marks.ts';
import type { RecordGroup } from './record-group.ts';

/** A record named this often before, each time by an owner that did not live to resolve it, is not handled again. */
const NAMED_BEFORE_MAX = 2;

export interface CarefulExaminationDeps {
  readonly suspects: CrashSuspects;
  readonly handler: GroupHandler;
  readonly log: Logger;
  readonly carefulRecordsMax: number;
}

/**
 * Finds the record that ends the process and sets it aside unparsed. After an unclean end without progress a
 * partition is handled one record at a time, one such record in the whole process: it is named in the attempt store,
 * then handled, then committed, before the next is named. So a name that is left behind means that its record, and no
 * other of the partition, was being handled when the process ended; and an innocent record is never named twice.
 */
export class CarefulExamination {
  private readonly deps: CarefulExaminationDeps;
  private isExamining = false;
  private turn = 0;

  constructor(deps: CarefulExaminationDeps) {
    this.deps = deps;
  }

  /** Asks how the former owners ended and opens the lanes, or admits them to careful handling. */
  async admit(lanes: readonly Lane[], isCurrent: () => boolean, onFailure: () => void): Promise<void> {
    const positions = lanes.map((lane) => ({
      topic: lane.topic,
      partition: lane.partition,
      offsetNext: lane.committedNext,
    }));
    for (const lane of lanes) lane.markedNext = lane.committedNext;
    const uncleanCounts = await this.deps.suspects.begin(positions, isCurrent, onFailure);
    for (const [index, lane] of lanes.entries()) {
      const uncleanCount = uncleanCounts[index] ?? 0;
      lane.mode = uncleanCount > 0 ? 'careful' : 'open';
      if (uncleanCount === 0) continue;
      lane.carefulCount = this.deps.carefulRecordsMax;
      const { topic, partition } = lane;
      this.deps.log.warn({ topic, partition, uncleanCount }, 'former owners ended uncleanly, one record at a time');
    }
  }

  /** The next record to be examined, taken from its lane; undefined while one is, or when there is none. */
  next(lanes: readonly Lane[], nowMs: number): RecordGroup | undefined {
    if (this.isExamining) return undefined;
    this.turn += 1;
    for (let index = 0; index < lanes.length; index += 1) {
      const lane = lanes[(index + this.turn) % lanes.length];
      if (lane === undefined || lane.mode !== 'careful' || lane.readyCount(nowMs) === 0) continue;
      // The one before is resolved but the broker does not know yet: were the process to end now, it would be named again.
      if (lane.buffer.offsetNext !== lane.committedNext) continue;
      const group: RecordGroup = { records: [], sequences: [], parts: [{ lane, start: 0, end: 1 }] };
      lane.take(1, group, nowMs);
      this.isExamining = true;
      return group;
    }
    return undefined;
  }

  /** Handles the one record of the group; undefined when its epoch ended before it came to that. */
  async examine(
    group: RecordGroup,
    isCurrent: () => boolean,
    onFailure: () => void,
  ): Promise<Resolution[] | undefined> {
    const lane = group.parts[0]?.lane;
    const record = group.records[0];
    assert(lane !== undefined && record !== undefined, 'a careful group has one record');
    try {
      const namedCount = await this.name(lane, record, isCurrent, onFailure);
      if (!isCurrent()) return undefined;
      const resolution = await this.handle(record, namedCount);
      if (resolution?.kind === 'resolved') lane.carefulCount -= 1;
      return resolution === undefined ? [] : [resolution];
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return [{ kind: 'retry', error }];
    } finally {
      this.isExamining = false;
    }
  }

  /** After a commit: lanes with progress leave careful handling; returns those whose marks can be forgotten. */
  progressed(lanes: readonly Lane[]): readonly TopicPartition[] {
    const done: Lane[] = [];
    for (const lane of lanes) {
      if (lane.mode === 'careful' && lane.carefulCount <= 0) lane.mode = 'open';
      if (lane.mode === 'open' && lane.markedNext >= 0) done.push(lane);
    }
    return this.forget(done);
  }

  /** Returns the lanes that have a mark, and takes it from them. */
  forget(lanes: readonly Lane[]): readonly TopicPartition[] {
    const marked = lanes.filter((lane) => lane.markedNext >= 0);
    for (const lane of marked) lane.markedNext = -1;
    return marked;
  }

  private async handle(record: InboundRecord, namedCount: number): Promise<Resolution | undefined> {
    if (namedCount < NAMED_BEFORE_MAX) return (await this.deps.handler.handle([record]))[0];
    const detail = `The process ended ${namedCount} times while it handled this record.`;
    const { topic, partition, offset } = record;
    this.deps.log.error({ topic, partition, offset, namedCount }, 'record set aside, it ends the process');
    return this.deps.handler.setAside(record, 'crashed_process', detail, namedCount);
  }

  private async name(
    lane: Lane,
    record: InboundRecord,
    isCurrent: () => boolean,
    onFailure: () => void,
  ): Promise<number> {
    // Named already by this very process, which lives: a retry of a transient failure is no crash.
    if (lane.suspectOffset === record.offset) return lane.suspectCount;
    const { topic, partition, committedNext } = lane;
    if (lane.markedNext !== committedNext) {
      // The mark follows the commits, so that the next owner, who begins there, knows that we ended uncleanly.
      lane.markedNext = committedNext;
      await this.deps.suspects.begin([{ topic, partition, offsetNext: committedNext }], isCurrent, onFailure);
    }
    if (!isCurrent()) return 0;
    let namedCount: number | undefined;
    try {
      namedCount = await this.deps.suspects.suspect(record);
    } catch (error) {
      throw new StoreUnavailable('The attempt store did not answer.', { cause: error });
    }
    // Without the store there is no point in going slowly.
    if (namedCount === undefined) lane.carefulCount = 0;
    lane.suspectOffset = record.offset;
    lane.suspectCount = namedCount ?? 0;
    return lane.suspectCount;
  }
}

class StoreUnavailable extends Error {}
