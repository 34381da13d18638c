/**
 * Holds what was read of a run until it is judged, batch by batch. What fits is held in memory; of a larger run each
 * piece waits in one of several temporary files, by its batch, and one slice at a time comes back. So each file of a
 * run is read once, and memory does not grow with it. `close` removes what was written.
 */
import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLines } from '../../run/json-lines.ts';
import { type Piece, Slice } from './slice-evidence.ts';

const BUFFERED_CHARS_MAX = 256 * 1_024;

interface PartFile {
  readonly path: string;
  readonly descriptor: number;
  lines: string[];
  chars: number;
}

export class SliceStore {
  private readonly whole: Slice | null;
  private readonly folder: string | null;
  private readonly files: readonly PartFile[];

  constructor(slices: number) {
    this.whole = slices <= 1 ? new Slice() : null;
    const folder = slices <= 1 ? null : mkdtempSync(join(tmpdir(), 'els-judge-'));
    this.folder = folder;
    this.files =
      folder === null
        ? []
        : Array.from({ length: slices }, (_, index) => {
            const path = join(folder, `slice-${index}.jsonl`);
            return { path, descriptor: openSync(path, 'w'), lines: [], chars: 0 };
          });
  }

  /** Pieces with the same key come back in the same slice. */
  add(key: string, piece: Piece): void {
    if (this.whole !== null) {
      this.whole.add(piece);
      return;
    }
    const file = this.files[hashOf(key) % this.files.length];
    if (file === undefined) throw new Error('a slice has no file');
    const line = JSON.stringify(piece);
    file.lines.push(line);
    file.chars += line.length;
    if (file.chars > BUFFERED_CHARS_MAX) flush(file);
  }

  /** All slices, one after the other. To be asked once. */
  async *slices(): AsyncGenerator<Slice> {
    if (this.whole !== null) {
      yield this.whole.complete();
      return;
    }
    for (const file of this.files) flush(file);
    for (const { path } of this.files) {
      const slice = new Slice();
      // Written by ourselves a moment ago.
      for await (const line of readLines(path)) slice.add(JSON.parse(line) as Piece);
      yield slice.complete();
      await rm(path);
    }
  }

  async close(): Promise<void> {
    for (const { descriptor } of this.files) closeSync(descriptor);
    if (this.folder !== null) await rm(this.folder, { recursive: true, force: true });
  }
}

function flush(file: PartFile): void {
  if (file.lines.length === 0) return;
  const bytes = Buffer.from(`${file.lines.join('\n')}\n`, 'utf8');
  let written = 0;
  while (written < bytes.length) written += writeSync(file.descriptor, bytes, written);
  file.lines = [];
  file.chars = 0;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
