/**
 * The records of one partition between fetch and commit. Records leave in offset order, may be resolved in any order,
 * and `offsetNext` never passes one that is unresolved. A record put back is the first to leave again. A parked one
 * leaves no more until its batch is released; those behind it pass. Offsets may have gaps (control records,
 * compaction): positions here are sequence numbers without gaps.
 *
 * A ring of slots: head (first not yet passed) <= cursor (nothing below waits) <= tail (next free). No array is
 * shifted. The ring holds at most what the high-water mark admits plus what one fetch brings; the intake pauses above
 * it. What is parked or put back may stay for hours: it gets memory of its own, so that it keeps no whole fetch answer
 * (8 MiB, 16 when decompressed) and `bufferedBytes` is what is really held.
 */
import type { InboundRecord } from '../../domain/ports.ts';

const WAITING = 0;
const TAKEN = 1;
const RESOLVED = 2;
const PARKED = 3;

/** Where taken records are put: parallel arrays, so that a group of hundreds costs no object per record. */
export interface TakenRecords {
  readonly records: InboundRecord[];
  readonly sequences: number[];
}

export class PartitionBuffer {
  private slots: (InboundRecord | undefined)[];
  private offsets: Float64Array;
  private states: Uint8Array;
  private mask: number;
  private head = 0;
  private cursor = 0;
  private tail = 0;
  private lastOffset = -1;
  private resolvedNext: number;
  /** Behind the last resolved record. */
  private resolvedEnd = 0;
  private waiting = 0;
  private taken = 0;
  private bytes = 0;
  /** Sequences, by what they wait for. */
  private readonly parked = new Map<string, number[]>();
  private parkedTotal = 0;
  private parkedSize = 0;

  constructor(offsetNext: number, capacity = 1024) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.slots = new Array<InboundRecord | undefined>(size).fill(undefined);
    this.offsets = new Float64Array(size);
    this.states = new Uint8Array(size);
    this.mask = size - 1;
    this.resolvedNext = offsetNext;
  }

  /** Everything below is resolved. Moves only when a record is resolved, never merely because of a gap. */
  get offsetNext(): number {
    return this.resolvedNext;
  }

  /** Records that can be taken. */
  get waitingCount(): number {
    return this.waiting;
  }

  /** Records that left and came to nothing yet. */
  get takenCount(): number {
    return this.taken;
  }

  /** Records that wait for the release of what they are parked for. */
  get parkedCount(): number {
    return this.parkedTotal;
  }

  /** Bytes of keys and values of those. */
  get parkedBytes(): number {
    return this.parkedSize;
  }

  /** Records fetched and not yet resolved. */
  get bufferedCount(): number {
    return this.waiting + this.taken + this.parkedTotal;
  }

  /**
   * Records from the first unresolved one to the last fetched, resolved ones between them included. There must not be
   * ever more of it: while one record waits for hours, all that is resolved behind it would be delivered again after a
   * crash.
   */
  get heldCount(): number {
    return this.tail - this.head;
  }

  /** Bytes of keys and values of the unresolved records that are not parked. */
  get bufferedBytes(): number {
    return this.bytes;
  }

  /** Records in offset order. One whose offset is not above all former ones was handed over before and is skipped. */
  append(batch: readonly InboundRecord[]): void {
    this.reserve(batch.length);
    for (const record of batch) {
      if (record.offset <= this.lastOffset) continue;
      this.lastOffset = record.offset;
      const index = this.tail & this.mask;
      this.slots[index] = record;
      this.offsets[index] = record.offset;
      this.states[index] = WAITING;
      this.tail += 1;
      this.waiting += 1;
      this.bytes += bytesOf(record);
    }
  }

  /** Takes up to `countMax` waiting records in offset order; returns how many. */
  take(countMax: number, into: TakenRecords): number {
    return this.takeBelow(this.tail, countMax, into);
  }

  /** Takes only such that others behind them are resolved, which would be delivered again because of them. */
  takeStragglers(countMax: number, into: TakenRecords): number {
    return this.takeBelow(this.resolvedEnd, countMax, into);
  }

  private takeBelow(end: number, countMax: number, into: TakenRecords): number {
    let count = 0;
    while (count < countMax && this.cursor < end) {
      const index = this.cursor & this.mask;
      const record = this.slots[index];
      if (this.states[index] === WAITING && record !== undefined) {
        this.states[index] = TAKEN;
        into.records.push(record);
        into.sequences.push(this.cursor);
        count += 1;
      }
      this.cursor += 1;
    }
    this.waiting -= count;
    this.taken += count;
    return count;
  }

  /** The record will never be needed again. */
  resolve(sequence: number): void {
    const index = this.takenIndex(sequence);
    this.states[index] = RESOLVED;
    this.resolvedEnd = Math.max(this.resolvedEnd, sequence + 1);
    this.taken -= 1;
    const record = this.slots[index];
    if (record !== undefined) this.bytes -= bytesOf(record);
    this.slots[index] = undefined;
    while (this.head < this.tail && this.states[this.head & this.mask] === RESOLVED) {
      this.resolvedNext = (this.offsets[this.head & this.mask] ?? 0) + 1;
      this.head += 1;
    }
  }

  /** The record waits again, ahead of all with a higher offset. */
  putBack(sequence: number): void {
    const index = this.takenIndex(sequence);
    this.detach(index);
    this.states[index] = WAITING;
    this.taken -= 1;
    this.waiting += 1;
    if (sequence < this.cursor) this.cursor = sequence;
  }

  /** The record waits until `release` is called for the same thing. */
  park(sequence: number, waitsFor: string): void {
    const index = this.takenIndex(sequence);
    this.detach(index);
    this.states[index] = PARKED;
    this.taken -= 1;
    this.parkedTotal += 1;
    this.moveBytes(index, 1);
    const sequences = this.parked.get(waitsFor);
    if (sequences === undefined) this.parked.set(waitsFor, [sequence]);
    else sequences.push(sequence);
  }

  /** What was parked for this waits again, each ahead of all with a higher offset. Answers how many there were. */
  release(waitsFor: string): number {
    const sequences = this.parked.get(waitsFor);
    if (sequences === undefined) return 0;
    this.parked.delete(waitsFor);
    for (const sequence of sequences) {
      this.states[sequence & this.mask] = WAITING;
      this.moveBytes(sequence & this.mask, -1);
      if (sequence < this.cursor) this.cursor = sequence;
    }
    this.parkedTotal -= sequences.length;
    this.waiting += sequences.length;
    return sequences.length;
  }

  private detach(index: number): void {
    const record = this.slots[index];
    if (record !== undefined) this.slots[index] = detached(record);
  }

  private moveBytes(index: number, sign: 1 | -1): void {
    const record = this.slots[index];
    if (record === undefined) return;
    this.bytes -= sign * bytesOf(record);
    this.parkedSize += sign * bytesOf(record);
  }

  private takenIndex(sequence: number): number {
    const index = sequence & this.mask;
    if (sequence < this.head || sequence >= this.tail || this.states[index] !== TAKEN) {
      throw new Error('A record was settled that was not taken.');
    }
    return index;
  }

  private reserve(count: number): void {
    const needed = this.tail - this.head + count;
    if (needed <= this.slots.length) return;
    const former = { slots: this.slots, offsets: this.offsets, states: this.states, mask: this.mask };
    const size = 2 ** Math.ceil(Math.log2(needed));
    this.slots = new Array<InboundRecord | undefined>(size).fill(undefined);
    this.offsets = new Float64Array(size);
    this.states = new Uint8Array(size);
    this.mask = size - 1;
    for (let sequence = this.head; sequence < this.tail; sequence += 1) {
      const from = sequence & former.mask;
      const to = sequence & this.mask;
      this.slots[to] = former.slots[from];
      this.offsets[to] = former.offsets[from] ?? 0;
      this.states[to] = former.states[from] ?? RESOLVED;
    }
  }
}

function bytesOf(record: InboundRecord): number {
  return (record.key?.byteLength ?? 0) + (record.value?.byteLength ?? 0);
}

/** The same record without a hold on the fetch answer it came in. */
function detached(record: InboundRecord): InboundRecord {
  const { key, value, headers } = record;
  const owns = [key, value, ...Object.values(headers).flat()].every(ownsMemory);
  if (owns) return record;
  const own = Object.entries(headers).map(([name, header]) => [
    name,
    Array.isArray(header) ? header.map(ownBytes) : ownBytes(header),
  ]);
  return { ...record, key: ownBytes(key), value: ownBytes(value), headers: Object.fromEntries(own) };
}

/** Small copies lie in Node's pool beside each other; that much may be held in common. */
function ownsMemory(bytes: unknown): boolean {
  return !(bytes instanceof Uint8Array) || bytes.buffer.byteLength - bytes.byteLength <= Buffer.poolSize;
}

function ownBytes<T>(bytes: T): T {
  return bytes instanceof Uint8Array ? (Buffer.from(bytes) as Uint8Array as T) : bytes;
}
