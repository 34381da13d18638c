/**
 * What the harness writes down while a part runs. Lines are on their way to the disk when a call returns: an input is
 * in the history before it is sent, so a killed harness leaves no input that nobody knows of. Clients of gateways alone
 * write a moment later (`run/client-log.ts`).
 */
import { InputHistory } from '../generator/input-history.ts';
import type { SentInput } from '../generator/partition-queue.ts';
import type { SendableInput } from '../generator/sendable.ts';
import { ClientLog } from '../run/client-log.ts';
import type { JsonLinesWriter } from '../run/json-lines.ts';
import type { FaultRecord, MetricSample, OffsetSample, PhaseRecord } from '../run/records.ts';
import type { RunClock } from '../run/run-clock.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import type { WatchRecord, WatchSeen } from '../run/watch-record.ts';
import type { PartEvents } from './part-events.ts';

export class Journal {
  readonly clock: RunClock;
  /** What the clients of the gateways say that they got. */
  readonly clients: ClientLog;
  private readonly history: InputHistory;
  private readonly faults: JsonLinesWriter<FaultRecord>;
  private readonly phases: JsonLinesWriter<PhaseRecord>;
  private readonly metrics: JsonLinesWriter<MetricSample>;
  private readonly offsets: JsonLinesWriter<OffsetSample>;
  private readonly watch: JsonLinesWriter<WatchRecord>;
  private lastPhase: PhaseRecord['name'] | null = null;

  constructor(directory: RunDirectory, clock: RunClock, events: PartEvents) {
    this.clock = clock;
    this.history = new InputHistory(directory.historyWriter(), clock);
    this.faults = directory.faultWriter();
    this.phases = directory.phaseWriter();
    this.metrics = directory.metricWriter();
    this.offsets = directory.offsetWriter();
    this.watch = directory.watchWriter();
    this.clients = new ClientLog(directory.clientWriter(), () => clock.now());
    events.on('phase', (name) => this.phase(name));
    events.on('fault', (fault, target, phase, evidence) => this.fault(fault, target, phase, evidence));
  }

  get phaseName(): PhaseRecord['name'] | null {
    return this.lastPhase;
  }

  metric(process: string, metric: string, value: number, at = this.clock.now()): void {
    if (Number.isFinite(value)) {
      this.metrics.append({ ...at, process, metric, value });
    }
  }

  offset(sample: Omit<OffsetSample, 'monoMs' | 'wallMs'>, at = this.clock.now()): void {
    this.offsets.append({ ...at, ...sample });
  }

  /** What was seen beside a fault. */
  seen(...all: readonly WatchSeen[]): void {
    if (all.length === 0) return;
    const at = this.clock.now();
    this.watch.append(...all.map((each) => ({ ...at, ...each })));
  }

  sending(input: SendableInput, dueAtMs: number): void {
    this.history.sending(input, dueAtMs);
  }

  acknowledged(sent: readonly SentInput[]): void {
    this.history.acknowledged(sent);
  }

  /** Idempotent. */
  close(): void {
    const { history, faults, phases, metrics, offsets, watch, clients } = this;
    for (const writer of [history, faults, phases, metrics, offsets, watch, clients]) writer.close();
  }

  private phase(name: PhaseRecord['name']): void {
    this.lastPhase = name;
    this.phases.append({ ...this.clock.now(), name });
  }

  private fault(fault: string, target: string, phase: 'start' | 'stop', evidence: unknown): void {
    this.faults.append({ ...this.clock.now(), fault, target, phase, evidence });
  }
}
