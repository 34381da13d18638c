/**
 * Where log lines go, in order, and nobody ever waits for it: a descriptor that takes nothing (a full disk, a pipe that
 * nobody reads, a stopped terminal) costs at most `BYTES_MAX` of memory, and what does not fit is counted and told when
 * writing works again. What is left at the end of the process is written if it can be at once. Everything is written
 * synchronously to a descriptor that does not block: a write under way in another thread would keep the process from
 * ending.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Of lines that wait. */
const BYTES_MAX = 1024 * 1024;
/** So much is written at once: the room of a pipe. */
const CHUNK_BYTES = 64 * 1024;
/** A pipe that is full; its reader is at work, or not. */
const FULL_RETRY_MS = 20;
/** A disk that is full, and whatever else may pass. */
const FAILED_RETRY_MS = 1_000;
/** The reader is gone, or the descriptor: no later write can succeed. */
const GONE: ReadonlySet<string> = new Set(['EPIPE', 'EBADF', 'ECONNRESET']);

export class LogSink {
  private readonly standardFd: 1 | 2;
  private fd: number | undefined;
  private readonly waiting: Buffer[] = [];
  private waitingBytes = 0;
  private isGone = false;
  private timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  private untoldLines = 0;
  private readonly drained: (() => void)[] = [];
  /** Called for lines that will never be written. */
  onLost: (lines: number) => void = () => {};
  /** Called with how many lines were lost when lines can be written again. */
  onRecovered: (lostLines: number) => void = () => {};

  constructor(standardFd: 1 | 2 = 1) {
    this.standardFd = standardFd;
  }

  /** Somebody reads along. */
  get isTerminal(): boolean {
    return isatty(this.standardFd);
  }

  write(line: string): void {
    this.open();
    const bytes = Buffer.from(line);
    if (this.isGone || this.waitingBytes + bytes.length > BYTES_MAX) {
      this.lose(1);
      return;
    }
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    // Lines of one turn of the event loop are one write.
    this.timer ??= setImmediate(() => this.drain());
  }

  /** Calls back when nothing waits any more, however long that takes. */
  flush(done: () => void): void {
    this.drained.push(done);
    this.drain();
  }

  /** Writes what the descriptor takes at once. */
  flushSync(): void {
    this.drain();
  }

  private open(): void {
    if (this.fd !== undefined) return;
    this.fd = withoutBlocking(this.standardFd);
    process.on('exit', () => this.drain());
  }

  private drain(): void {
    clearTimeout(this.timer as NodeJS.Timeout);
    clearImmediate(this.timer as NodeJS.Immediate);
    this.timer = undefined;
    while (this.waiting.length > 0) {
      const retryMs = this.writeChunk();
      if (retryMs === undefined) continue;
      // An error that does not pass lets go of everything, and with it of the loop.
      if (this.waiting.length > 0) this.timer = setTimeout(() => this.drain(), retryMs).unref();
      break;
    }
    if (this.waiting.length > 0) return;
    for (const done of this.drained.splice(0)) done();
    this.tellLoss();
  }

  /** When to try again; undefined after a write. */
  private writeChunk(): number | undefined {
    const lines: Buffer[] = [];
    for (let bytes = 0; lines.length < this.waiting.length && bytes < CHUNK_BYTES; ) {
      const line = this.waiting[lines.length] as Buffer;
      lines.push(line);
      bytes += line.length;
    }
    try {
      this.taken(writeSync(this.fd as number, Buffer.concat(lines)));
      return undefined;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (GONE.has(code)) this.letGo();
      return code === 'EAGAIN' ? FULL_RETRY_MS : FAILED_RETRY_MS;
    }
  }

  private taken(bytes: number): void {
    this.waitingBytes -= bytes;
    let rest = bytes;
    while (rest > 0) {
      const line = this.waiting[0] as Buffer;
      if (rest < line.length) {
        this.waiting[0] = line.subarray(rest);
        return;
      }
      rest -= line.length;
      this.waiting.shift();
    }
  }

  private letGo(): void {
    this.isGone = true;
    this.lose(this.waiting.length);
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  private lose(lines: number): void {
    this.untoldLines += lines;
    this.onLost(lines);
  }

  private tellLoss(): void {
    if (this.untoldLines === 0 || this.isGone) return;
    const lines = this.untoldLines;
    this.untoldLines = 0;
    this.onRecovered(lines);
  }
}

/**
 * The same file by a descriptor of our own that does not block, so that nothing changes for others who write there.
 * Where the system has no such way (a socket, another system than Linux), Node's own stream sets the shared one.
 */
function withoutBlocking(fd: 1 | 2): number {
  try {
    const stat = fstatSync(fd);
    if (!isatty(fd) && !stat.isFIFO() && !stat.isSocket()) return fd;
    if (process.platform === 'linux' && !stat.isSocket()) {
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    }
  } catch {
    // Closed, or somebody else's terminal: then the shared one as it is.
  }
  void (fd === 1 ? process.stdout : process.stderr);
  return fd;
}
