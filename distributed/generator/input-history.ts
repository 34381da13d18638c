/**
 * The generator's own history: every input before it leaves, and again when Kafka has acknowledged it. Lines are on
 * their way to the disk when a call returns, so a killed generator leaves no input that nobody knows of.
 */
import type { JsonLinesWriter } from '../run/json-lines.ts';
import type { HistoryRecord } from '../run/records.ts';
import type { SentInput } from './partition-queue.ts';
import type { SendableInput } from './sendable.ts';

const PRODUCER = 'producer';

export interface HistoryClock {
  now(): { readonly monoMs: number; readonly wallMs: number };
}

export class InputHistory {
  private readonly writer: JsonLinesWriter<HistoryRecord>;
  private readonly clock: HistoryClock;
  private lines = 0;

  constructor(writer: JsonLinesWriter<HistoryRecord>, clock: HistoryClock) {
    this.writer = writer;
    this.clock = clock;
  }

  sending(input: SendableInput, dueAtMs: number): void {
    this.step('invoke', input, dueAtMs);
  }

  acknowledged(sent: readonly SentInput[]): void {
    for (const { input, dueAtMs } of sent) {
      this.step('ok', input, dueAtMs);
    }
  }

  close(): void {
    this.writer.close();
  }

  private step(type: HistoryRecord['type'], input: SendableInput, dueAtMs: number): void {
    const value = { dueWallMs: dueAtMs, ...identityOf(input) };
    const index = this.lines++;
    this.writer.append({
      index,
      ...this.clock.now(),
      process: PRODUCER,
      type,
      f: input.kind,
      key: input.batchId,
      value,
    });
  }
}

/** What tells the input from others, and whether the batch can be complete from it on. */
function identityOf(input: SendableInput): Record<string, unknown> {
  const completes = input.makesCompletable ? { completes: true } : {};
  switch (input.kind) {
    case 'content': {
      const { eventId, textStorageId, fileUploadId, originalFileName } = input;
      return { eventId, textStorageId, fileUploadId, originalFileName, ...completes };
    }
    case 'failure': {
      const { eventId, fileUploadId, originalFileName } = input;
      return { eventId, fileUploadId, originalFileName, ...completes };
    }
    case 'registration':
      return { eventId: input.eventId, ...completes };
    case 'raw':
      return {};
  }
}
