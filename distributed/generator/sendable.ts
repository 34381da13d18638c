/**
 * What the producer can send: planned inputs, and records as they are, which no producer of the contract would send.
 */
import type { Load, PlannedInput } from './plan.ts';

export type SendableInput = PlannedInput | RawInput;

export type RawHeaders = Record<string, string | Buffer | (string | Buffer)[]>;

export interface RawInput {
  readonly kind: 'raw';
  readonly dueMs: number;
  /** What the record is about, for the history: a batch, or a word. */
  readonly batchId: string;
  readonly topic: 'registration' | 'content' | 'failure';
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers: RawHeaders;
  readonly makesCompletable: false;
}

/** A load of either kind of input. */
export interface SendableLoad extends Pick<Load, 'options' | 'manifest'> {
  inputs(): Iterable<SendableInput>;
}
