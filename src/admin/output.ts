/** Where a command writes. Results go to `stdout` and nothing else does, so that output can be piped. */
import { type Command, InvalidArgumentError } from 'commander';

const CELL_LENGTH_MAX = 60;

export interface AdminIo {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** The result as JSON where --json was given, else as text. */
export function printResult(command: Command, io: AdminIo, result: unknown, text: string): void {
  const { json } = command.optsWithGlobals<{ json?: boolean }>();
  io.stdout(`${json === true ? JSON.stringify(result, null, 2) : text}\n`);
}

/** Columns as wide as their widest cell. */
export function formatTable(headers: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const lines = [headers, ...rows.map((row) => row.map(cell))];
  const widths = headers.map((_header, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One property a line. */
export function formatRecord(record: Readonly<Record<string, unknown>>): string {
  const width = Math.max(...Object.keys(record).map((name) => name.length));
  return Object.entries(record)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`)
    .join('\n');
}

function cell(value: unknown): string {
  const text = printable(value);
  return text.length > CELL_LENGTH_MAX ? `${text.slice(0, CELL_LENGTH_MAX - 1)}…` : text;
}

/** What came over the wire must not steer the terminal. */
export function printable(value: unknown): string {
  if (value === null || value === undefined) {
    return '-';
  }
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

/** Of an option. */
export function wholeNumber(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < lowest || value > highest) {
      throw new InvalidArgumentError(`It must be a whole number from ${lowest} to ${highest}.`);
    }
    return value;
  };
}

/**
 * The terminal, or what stands in its place. A reader that has seen enough (`| head`) is no failure; a result that
 * cannot be written (a full disk) is one. What is only said besides may be lost.
 */
export function processIo(): AdminIo {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      process.exit(0);
    }
    process.stderr.write(`the result cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  process.stderr.on('error', () => {});
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
  };
}
