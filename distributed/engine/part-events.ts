/**
 * What happens in a part while it runs, for whoever listens: the journal, the display, Prometheus. It is the first
 * thing that is made of a part, so that whatever is made later can tell and need not know who hears it. Listeners are
 * called at once and in the order in which they came; none of them decides anything.
 */
import { EventEmitter } from 'node:events';
import type { PublishProgress } from '../generator/producer.ts';
import type { PhaseRecord } from '../run/records.ts';
import type { LiveState } from './display/live-state.ts';

export interface ShownWorker {
  readonly name: string;
  readonly running: boolean;
}

export interface LoadTotals {
  readonly inputs: number;
  readonly slots: number;
  readonly batches: number;
}

interface EventArguments {
  /** The workers exist; whether each runs is read from them at any time. */
  workers: [readonly ShownWorker[]];
  phase: [name: PhaseRecord['name']];
  fault: [fault: string, target: string, phase: 'start' | 'stop', evidence: unknown];
  /** A load is about to be sent: the totals of all loads so far. */
  load: [totals: LoadTotals];
  published: [progress: PublishProgress];
  state: [state: LiveState];
  note: [text: string];
}

export class PartEvents extends EventEmitter<EventArguments> {}
