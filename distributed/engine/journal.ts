/**
 * What the harness writes down while a part runs. Lines are on their way to the disk when a call returns: an input is
 * in the history before it is sent, so a killed harness leaves no input that nobody knows of.
 */
import { InputHistory } from '../generator/input-history.ts';
import type { SentInput } from '../generator/partition-queue.ts';
import type { SendableInput } from '../generator/sendable.ts';
import type { JsonLinesWriter } from '../run/json-lines.ts';
import type { FaultRecord, MetricSample, OffsetSample, PhaseRecord } from '../run/records.ts';
import type { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';

/** Somebody who is told of phases and faults as they begin and end. */
export interface JournalReader {
  phase(name: PhaseRecord['name']): void;
  fault(fault: string, target: string, phase: 'start' | 'stop'): void;
}

export class Journal {
  readonly clock: RunClock;
  private readonly history: InputHistory;
  private readonly faults: JsonLinesWriter<FaultRecord>;
  private readonly phases: JsonLinesWriter<PhaseRecord>;
  private readonly metrics: JsonLinesWriter<MetricSample>;
  private readonly offsets: JsonLinesWriter<OffsetSample>;
  private lastPhase: PhaseRecord['name'] | null = null;
  private readonly reader: JournalReader | null;

  constructor(directory: RunDirectory, clock: RunClock, reader: JournalReader | null = null) {
    this.clock = clock;
    this.history = new InputHistory(directory.historyWriter(), clock);
    this.reader = reader;
    this.faults = directory.faultWriter();
    this.phases = directory.phaseWriter();
    this.metrics = directory.metricWriter();
    this.offsets = directory.offsetWriter();
  }

  get phaseName(): PhaseRecord['name'] | null {
    return this.lastPhase;
  }

  phase(name: PhaseRecord['name']): void {
    this.lastPhase = name;
    this.phases.append({ ...this.clock.now(), name });
    this.reader?.phase(name);
  }

  fault(fault: string, target: string, phase: 'start' | 'stop', evidence: unknown): void {
    this.faults.append({ ...this.clock.now(), fault, target, phase, evidence });
    this.reader?.fault(fault, target, phase);
  }

  metric(process: string, metric: string, value: number, at = this.clock.now()): void {
    if (Number.isFinite(value)) {
      this.metrics.append({ ...at, process, metric, value });
    }
  }

  offset(sample: Omit<OffsetSample, 'monoMs' | 'wallMs'>, at = this.clock.now()): void {
    this.offsets.append({ ...at, ...sample });
  }

  sending(input: SendableInput, dueAtMs: number): void {
    this.history.sending(input, dueAtMs);
  }

  acknowledged(sent: readonly SentInput[]): void {
    this.history.acknowledged(sent);
  }

  close(): void {
    for (const writer of [this.history, this.faults, this.phases, this.metrics, this.offsets]) {
      writer.close();
    }
  }
}
