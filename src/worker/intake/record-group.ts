import type { InboundRecord } from '../../domain/ports.ts';
import type { Lane } from './owned-partition.ts';

/** Records handled together: parallel arrays, and which stretch of them came from which lane. */
export interface RecordGroup {
  readonly records: InboundRecord[];
  readonly sequences: number[];
  readonly parts: { readonly lane: Lane; readonly start: number; readonly end: number }[];
}

/**
 * A group of at most `sizeMax` records: what waits in one open lane after the other, beginning behind the one
 * at `turn`, the last one of the former group. Whole lanes rather than a share of each, because a lane that is in a
 * group gives nothing to the next one until it is back; that keeps the order within a partition.
 */
export function cutGroup(lanes: readonly Lane[], sizeMax: number, turn: number, nowMs: number): RecordGroup {
  const group: RecordGroup = { records: [], sequences: [], parts: [] };
  for (let step = 1; step <= lanes.length; step += 1) {
    const lane = lanes[(turn + step) % lanes.length];
    const start = group.records.length;
    if (start >= sizeMax) break;
    if (lane === undefined || lane.mode !== 'open' || lane.readyCount(nowMs) === 0) continue;
    lane.take(sizeMax - start, group, nowMs);
    group.parts.push({ lane, start, end: group.records.length });
  }
  return group;
}
