import type { InboundRecord } from '../domain/ports.ts';
import type { Lane } from './lane.ts';

/** Records handled together: parallel arrays, and which stretch of them came from which lane. */
export interface RecordGroup {
  readonly records: InboundRecord[];
  readonly sequences: number[];
  readonly parts: { readonly lane: Lane; readonly start: number; readonly end: number }[];
}

/**
 * A group of at most `sizeMax` records, a fair mix over the open lanes: each gives its share first, what is left of
 * the size goes to whoever has more. Within a lane the order of offsets is kept. `turn` rotates who comes first.
 */
export function cutGroup(lanes: readonly Lane[], sizeMax: number, turn: number, nowMs: number): RecordGroup {
  const group: RecordGroup = { records: [], sequences: [], parts: [] };
  let sourcesCount = 0;
  for (const lane of lanes) if (isSource(lane, nowMs)) sourcesCount += 1;
  // Two rounds suffice: after the shares, the first lane with more may take all that is left.
  for (const shareMax of [Math.ceil(sizeMax / Math.max(1, sourcesCount)), sizeMax]) {
    for (let index = 0; index < lanes.length; index += 1) {
      const lane = lanes[(index + turn) % lanes.length];
      const start = group.records.length;
      if (start >= sizeMax) return group;
      if (lane === undefined || !isSource(lane, nowMs)) continue;
      lane.take(Math.min(shareMax, sizeMax - start), group, nowMs);
      group.parts.push({ lane, start, end: group.records.length });
    }
  }
  return group;
}

function isSource(lane: Lane, nowMs: number): boolean {
  return lane.mode === 'open' && lane.readyCount(nowMs) > 0;
}
