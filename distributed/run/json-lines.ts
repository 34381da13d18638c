/**
 * JSONL files of any length in bounded memory. Writing is synchronous: a line has left the process when `append`
 * returns, so a killed harness loses nothing it had written before a send. Reading forgives exactly one thing, a last
 * line without its newline (the writer was killed); any other line that is not what the schema says is an error.
 */
import { closeSync, createReadStream, existsSync, openSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import { RunDirectoryError } from './run-directory-error.ts';

const LINE_CHARS_MAX = 64 * 1_024 * 1_024;
const LINES_PER_WRITE_MAX = 1_000;

export class JsonLinesWriter<T> {
  private readonly path: string;
  private descriptor: number | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Creates the file with the first line, so that an absent file means that nobody looked. */
  append(...records: readonly T[]): void {
    this.write(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }

  async appendAll(records: Iterable<T> | AsyncIterable<T>): Promise<void> {
    this.write('');
    let lines: string[] = [];
    for await (const record of records) {
      lines.push(`${JSON.stringify(record)}\n`);
      if (lines.length === LINES_PER_WRITE_MAX) {
        this.write(lines.join(''));
        lines = [];
      }
    }
    this.write(lines.join(''));
  }

  close(): void {
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }

  private write(text: string): void {
    this.descriptor ??= openSync(this.path, 'a');
    const bytes = Buffer.from(text, 'utf8');
    let written = 0;
    while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
  }
}

/** The lines of a file in order; none when the file does not exist. */
export async function* readJsonLines<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): AsyncGenerator<z.infer<Schema>> {
  let lineNumber = 0;
  for await (const lines of readLineGroups(path)) {
    for (const line of lines) {
      lineNumber++;
      if (line !== '') yield parseLine(line, schema, `${path}:${lineNumber}`);
    }
  }
}

/**
 * As `readJsonLines`, for the files that grow with a load: a call per line, and no waiting between two. Answers how
 * many lines.
 */
export async function eachJsonLine<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  onRecord: (record: z.infer<Schema>) => void,
): Promise<number> {
  let lineNumber = 0;
  for await (const lines of readLineGroups(path)) {
    for (const line of lines) {
      lineNumber++;
      if (line !== '') onRecord(parseLine(line, schema, `${path}:${lineNumber}`));
    }
  }
  return lineNumber;
}

/** Whole lines only; a last line without a newline is left out. */
export async function* readLines(path: string): AsyncGenerator<string> {
  for await (const lines of readLineGroups(path)) yield* lines;
}

async function* readLineGroups(path: string): AsyncGenerator<string[]> {
  if (!existsSync(path)) return;
  let rest: string[] = [];
  let restChars = 0;
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1_024 })) {
    const lines = String(chunk).split('\n');
    const tail = lines.pop() ?? '';
    if (lines.length > 0) {
      // Joined once per line: a line of many megabytes comes in many chunks.
      lines[0] = [...rest, lines[0]].join('');
      [rest, restChars] = [[], 0];
      yield lines;
    }
    rest.push(tail);
    restChars += tail.length;
    if (restChars > LINE_CHARS_MAX) throw new RunDirectoryError(`${path} has a line longer than ${LINE_CHARS_MAX}`);
  }
}

function parseLine<Schema extends z.ZodType>(line: string, schema: Schema, place: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RunDirectoryError(`${place} is not JSON`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RunDirectoryError(`${place}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`);
  }
  return parsed.data;
}
