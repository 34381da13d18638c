/**
 * What a scenario's part can do: start and stop workers, send loads with a history, break things, wait for rest,
 * replay, and note what it measured. Each step writes its phase; each wait has a limit; an abort ends the step under
 * way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { GatewayTier } from '../cluster/gateway-tier.ts';
import { rewindGroup, waitForMembers } from '../cluster/kafka-client.ts';
import { STOP_GRACE_MS } from '../cluster/worker-cluster.ts';
import { collectTables } from '../collect/tables.ts';
import { type PublishResult, publishLoad } from '../generator/producer.ts';
import type { SendableInput, SendableLoad } from '../generator/sendable.ts';
import { BEFORE_REPLAY_FOLDER } from '../judge/invariants/replay.ts';
import type { Injector } from '../nemesis/injector.ts';
import { type Injected, type NemesisOptions, runNemesis, whileBroken } from '../nemesis/nemesis.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import type { Gate } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { gatePasses } from '../run/verdict.ts';
import { Findings } from './findings.ts';
import { injectorFor } from './injector-for.ts';
import { STABLE_MS } from './limits.ts';
import { LoadLedger } from './load-ledger.ts';
import type { PartLatencies } from './measure/latencies.ts';
import { type Quiescence, readLag, waitForQuiescence } from './measure/quiescence.ts';
import type { StageDeps } from './stage-deps.ts';

/** How long sending waits for a broker: one that we restart is back by then, on a busy machine too. */
const BROKER_BACK_MS_MAX = 90_000;
const RECOVERY_MS_MAX = 60_000;
const LOOK_AGAIN_MS = 500;

/** Looks at the collected evidence; whatever it measures goes into the stage's findings. */
export type Afterthought = (evidence: {
  readonly directory: RunDirectory;
  readonly latencies: PartLatencies;
}) => Promise<void> | void;

export class Stage {
  readonly deps: StageDeps;
  readonly findings = new Findings();
  readonly ledger = new LoadLedger();
  readonly injected: Injected[] = [];
  readonly afterthoughts: Afterthought[] = [];
  private admin: Admin | null = null;

  constructor(deps: StageDeps) {
    this.deps = deps;
  }

  get signal(): AbortSignal {
    return this.deps.signal;
  }

  get tier(): GatewayTier {
    const { tier } = this.deps;
    if (tier === null) throw new Error('the part has no gateways');
    return tier;
  }

  /** Workers as ever, and the gateways with their balancer; all are ready then. */
  async startAll(): Promise<void> {
    await this.tier.start();
    await this.startWorkers();
    await this.tier.waitReady();
  }

  /** Starts all workers and waits until each of them has its place in the consumer group. */
  async startWorkers(): Promise<void> {
    const { cluster, journal, events, kafka, sandbox, signal } = this.deps;
    if (journal.phaseName === null) events.emit('phase', 'warm-up');
    for (const worker of cluster.workers) await worker.start();
    await cluster.waitReady(signal);
    await waitForMembers(kafka, sandbox.addresses.consumerGroup, cluster.workers.length, signal);
    await this.deps.untilWatched();
  }

  /**
   * From now on each worker may use only its share. Not from the start: loading its code would take minutes under it.
   */
  async limitWorkers(): Promise<void> {
    await this.deps.limits?.apply();
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.deps.cluster.workers.map((worker) => worker.stop(STOP_GRACE_MS)));
  }

  /** Sends a load; every input is in the history before it leaves. */
  async send(load: SendableLoad): Promise<PublishResult> {
    const { kafka, sandbox, journal, events, signal } = this.deps;
    this.ledger.add(load);
    events.emit('load', this.ledger.totals());
    const result = await publishLoad({
      kafka,
      patienceMs: BROKER_BACK_MS_MAX,
      topics: sandbox.topics,
      load,
      signal,
      onSending: (input: SendableInput, dueAtMs) => {
        this.ledger.noteSending(input);
        journal.sending(input, dueAtMs);
      },
      onAcknowledged: (sent) => journal.acknowledged(sent),
      onProgress: (progress) => events.emit('published', progress),
    });
    signal.throwIfAborted();
    return result;
  }

  beginLoad(): void {
    this.deps.events.emit('phase', 'load');
  }

  /** Carries out the faults; resolves when all is mended. */
  async inject(faults: readonly ScheduledFault[]): Promise<readonly Injected[]> {
    const { signal } = this.deps;
    const injectorOf = (fault: ScheduledFault) => injectorFor(fault, this);
    const injected = await runNemesis({ faults, signal, injectorOf, onFault: this.noteFault });
    this.injected.push(...injected);
    return injected;
  }

  /** Something is broken for as long as the work takes. */
  async whileBroken(injector: Injector, work: () => Promise<void>): Promise<void> {
    this.injected.push(await whileBroken(injector, this.noteFault, work));
  }

  private readonly noteFault: NemesisOptions['onFault'] = (fault, target, phase, evidence) => {
    const { events } = this.deps;
    events.emit('note', `${fault} ${target}: ${phase}`);
    events.emit('fault', fault, target, phase, evidence);
  };

  /** Sends under faults and waits until everything has settled. */
  async sendUnderFaults(load: SendableLoad, faults: readonly ScheduledFault[]): Promise<PublishResult> {
    this.beginLoad();
    const [sent] = await Promise.all([this.send(load), this.inject(faults)]);
    await this.deps.cluster.waitReady(this.signal);
    this.deps.events.emit('phase', 'faults off');
    return sent;
  }

  /** Not coming to rest in time is a finding for the judge, not a failure of the harness. */
  async quiesce(): Promise<Quiescence> {
    this.deps.events.emit('phase', 'quiescence');
    const quiescence = await this.untilQuiet({ stableMs: STABLE_MS, limitMs: RECOVERY_MS_MAX });
    this.findings.noteRest(quiescence, RECOVERY_MS_MAX);
    return quiescence;
  }

  /** Waits until all that was sent is consumed and published, without calling that the end. */
  async untilDrained(limitMs: number): Promise<Quiescence> {
    return this.untilQuiet({ stableMs: 0, limitMs });
  }

  /** After an interrupt or a failure: what was sent may still get its fate. */
  async settle(limitMs: number): Promise<void> {
    await this.untilQuiet({ stableMs: 0, limitMs, signal: new AbortController().signal });
  }

  /** A look may fail right after servers were broken; only the limit ends the waiting. */
  private async untilQuiet(wait: { stableMs: number; limitMs: number; signal?: AbortSignal }): Promise<Quiescence> {
    const { kafka, sandbox } = this.deps;
    const { stableMs, limitMs, signal = this.signal } = wait;
    const { databaseUrl, consumerGroup } = sandbox.addresses;
    const giveUpAtMs = performance.now() + limitMs;
    for (;;) {
      const deadlineMs = Math.max(0, giveUpAtMs - performance.now());
      const options = { kafka, databaseUrl, consumerGroup, topics: sandbox.inbound, stableMs, deadlineMs, signal };
      try {
        return await waitForQuiescence(options);
      } catch (error) {
        if (performance.now() > giveUpAtMs || signal.aborted) throw error;
        await sleep(LOOK_AGAIN_MS);
      }
    }
  }

  /** Has every input read a second time: offsets forgotten, tables kept for comparison. */
  async replay(): Promise<void> {
    const { kafka, sandbox, events, directory } = this.deps;
    await this.stopWorkers();
    await collectTables(sandbox.addresses.databaseUrl, directory.file(BEFORE_REPLAY_FOLDER));
    await this.deps.sampler.whilePaused(async () => {
      events.emit('phase', 'replay');
      await rewindGroup(kafka, sandbox.addresses.consumerGroup, sandbox.inbound);
    });
    await this.startWorkers();
    await this.quiesce();
  }

  /** The race `busyBatches` so far, as the workers tell it, to know whether to go on; the judge counts anew. */
  async busyBatchesSoFar(): Promise<number> {
    await this.deps.sampler.look();
    return this.deps.sampler.readings.sum('els_batches_parked_total', 'because="busy"');
  }

  /** Looks at the workers' own metrics now, so that totals are of this moment. */
  async readWorkers(): Promise<void> {
    await this.deps.sampler.look();
  }

  /** Records not yet committed, now. */
  async readLag(): Promise<number> {
    const { kafka, sandbox } = this.deps;
    this.admin ??= kafka.admin();
    await this.admin.connect();
    return readLag(this.admin, sandbox.addresses.consumerGroup, sandbox.inbound);
  }

  async close(): Promise<void> {
    await this.admin?.disconnect();
  }

  afterwards(thought: Afterthought): void {
    this.afterthoughts.push(thought);
  }

  gate(gate: Omit<Gate, 'passed'>): void {
    this.findings.gates.push({ ...gate, passed: gatePasses(gate.measured, gate.comparison, gate.target) });
  }

  /** A line for whoever watches. */
  note(text: string): void {
    this.deps.events.emit('note', text);
  }

  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }
}
