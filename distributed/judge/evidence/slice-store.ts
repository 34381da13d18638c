/**
 * Holds what was read of a run until it is judged, batch by batch. What fits is held in memory; of a larger run each
 * piece waits in one of several temporary files, by its batch, and one part at a time comes back. So each file of a
 * run is read once, and memory does not grow with it. `close` removes what was written.
 */
import { closeSync, mkdtempSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLines } from '../../run/json-lines.ts';
import { Part, type Piece } from './slice-evidence.ts';

const BUFFERED_CHARS_MAX = 256 * 1_024;

interface PartFile {
  readonly path: string;
  readonly descriptor: number;
  lines: string[];
  chars: number;
}

export class PartStore {
  private readonly whole: Part | null;
  private readonly folder: string | null;
  private readonly files: readonly PartFile[];

  constructor(parts: number) {
    this.whole = parts <= 1 ? new Part() : null;
    const folder = parts <= 1 ? null : mkdtempSync(join(tmpdir(), 'els-judge-'));
    this.folder = folder;
    this.files =
      folder === null
        ? []
        : Array.from({ length: parts }, (_, index) => {
            const path = join(folder, `part-${index}.jsonl`);
            return { path, descriptor: openSync(path, 'w'), lines: [], chars: 0 };
          });
  }

  /** Pieces with the same key come back in the same part. */
  add(key: string, piece: Piece): void {
    if (this.whole !== null) {
      this.whole.add(piece);
      return;
    }
    const file = this.files[hashOf(key) % this.files.length];
    if (file === undefined) throw new Error('a part has no file');
    const line = JSON.stringify(piece);
    file.lines.push(line);
    file.chars += line.length;
    if (file.chars > BUFFERED_CHARS_MAX) flush(file);
  }

  /** All parts, one after the other. To be asked once. */
  async *parts(): AsyncGenerator<Part> {
    if (this.whole !== null) {
      yield this.whole.complete();
      return;
    }
    for (const file of this.files) flush(file);
    for (const { path } of this.files) {
      const part = new Part();
      // Written by ourselves a moment ago.
      for await (const line of readLines(path)) part.add(JSON.parse(line) as Piece);
      yield part.complete();
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
