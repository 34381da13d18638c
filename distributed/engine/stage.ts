/**
 * What a scenario's part can do: start and stop workers, send loads with a history, break things, wait for rest, replay,
 * and note what it measured. Each step writes its phase; each wait has a limit; an abort ends the step under way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BEFORE_REPLAY_FOLDER } from '../checkers/replay.ts';
import { collectTables } from '../collect/tables.ts';
import { type PublishResult, publishLoad } from '../generator/producer.ts';
import type { SendableInput, SendableLoad } from '../generator/sendable.ts';
import { type Injected, runNemesis } from '../nemesis/nemesis.ts';
import type { ScheduledFault } from '../nemesis/schedule.ts';
import { type Quiescence, waitForQuiescence } from '../outcome/quiescence.ts';
import type { Gate } from '../run/results.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { gatePasses } from '../run/verdict.ts';
import { Findings } from './findings.ts';
import { injectorFor } from './injector-for.ts';
import type { PartLatencies } from './latencies.ts';
import { LoadLedger } from './load-ledger.ts';
import { countRacesSoFar, type RacesSoFar } from './races-so-far.ts';
import type { StageDeps } from './stage-deps.ts';

/** Looks at the collected evidence; whatever it measures goes into the stage's findings. */
export type Afterthought = (evidence: {
  readonly directory: RunDirectory;
  readonly latencies: PartLatencies;
}) => Promise<void> | void;

const STABLE_MS = 3_000;
const RECOVERY_MS_MAX = 60_000;
const GROUP_STABLE_MS_MAX = 60_000;
const STOP_GRACE_MS = 25_000;
const POLL_INTERVAL_MS = 100;

export class Stage {
  readonly deps: StageDeps;
  readonly findings = new Findings();
  readonly ledger = new LoadLedger();
  readonly injected: Injected[] = [];
  readonly afterthoughts: Afterthought[] = [];

  constructor(deps: StageDeps) {
    this.deps = deps;
  }

  get signal(): AbortSignal {
    return this.deps.signal;
  }

  /** Starts all workers and waits until each of them has its place in the group. */
  async startWorkers(): Promise<void> {
    const { cluster, journal, signal } = this.deps;
    if (journal.phaseName === null) journal.phase('warm-up');
    for (const worker of cluster.workers) await worker.start();
    await cluster.waitReady(signal);
    await this.untilGroupHas(cluster.workers.length);
    await this.deps.limits?.apply();
  }

  async stopWorkers(): Promise<void> {
    await Promise.all(this.deps.cluster.workers.map((worker) => worker.stop(STOP_GRACE_MS)));
  }

  /** Sends a load; every input is in the history before it leaves. */
  async send(load: SendableLoad): Promise<PublishResult> {
    const { kafka, place, journal, signal, onProgress } = this.deps;
    this.ledger.add(load);
    const result = await publishLoad({
      kafka,
      topics: place.topics,
      load,
      signal,
      onSending: (input: SendableInput, dueAtMs) => {
        this.ledger.noteSending(input);
        journal.sending(input, dueAtMs);
      },
      onAcknowledged: (sent) => journal.acknowledged(sent),
      onProgress,
    });
    signal.throwIfAborted();
    return result;
  }

  beginLoad(): void {
    this.deps.journal.phase('load');
  }

  /** Carries out the faults; resolves when all is mended. */
  async inject(faults: readonly ScheduledFault[]): Promise<readonly Injected[]> {
    const { journal, signal } = this.deps;
    const injected = await runNemesis({
      faults,
      signal,
      injectorOf: (fault) => injectorFor(fault, this),
      onFault: (fault, target, phase, evidence) => {
        this.deps.onNote(`${fault} ${target}: ${phase}`);
        journal.fault(fault, target, phase, evidence);
      },
    });
    this.injected.push(...injected);
    return injected;
  }

  /** Sends under faults and waits until everything has settled. */
  async sendUnderFaults(load: SendableLoad, faults: readonly ScheduledFault[]): Promise<PublishResult> {
    this.beginLoad();
    const [sent] = await Promise.all([this.send(load), this.inject(faults)]);
    this.deps.journal.phase('faults off');
    return sent;
  }

  /** Not coming to rest in time is a finding for the judge, not a failure of the harness. */
  async quiesce(): Promise<Quiescence> {
    const { kafka, place, journal, signal } = this.deps;
    journal.phase('quiescence');
    const quiescence = await waitForQuiescence({
      kafka,
      databaseUrl: place.addresses.databaseUrl,
      consumerGroup: place.addresses.consumerGroup,
      topics: place.inbound,
      stableMs: STABLE_MS,
      deadlineMs: RECOVERY_MS_MAX,
      signal,
    });
    this.findings.noteRest(quiescence, RECOVERY_MS_MAX);
    return quiescence;
  }

  /** Waits until all that was sent is consumed and published, without calling that the end. */
  async untilDrained(limitMs: number): Promise<Quiescence> {
    const { kafka, place, signal } = this.deps;
    return waitForQuiescence({
      kafka,
      databaseUrl: place.addresses.databaseUrl,
      consumerGroup: place.addresses.consumerGroup,
      topics: place.inbound,
      stableMs: 0,
      deadlineMs: limitMs,
      signal,
    });
  }

  /** Reads every input a second time: offsets back to the beginning, tables kept for comparison. */
  async replay(): Promise<void> {
    const { kafka, place, journal, directory } = this.deps;
    await this.stopWorkers();
    await collectTables(place.addresses.databaseUrl, directory.file(BEFORE_REPLAY_FOLDER));
    journal.phase('replay');
    const admin = kafka.admin();
    await admin.connect();
    try {
      for (const topic of place.inbound) {
        await admin.resetOffsets({ groupId: place.addresses.consumerGroup, topic, earliest: true });
      }
    } finally {
      await admin.disconnect();
    }
    await this.startWorkers();
    await this.quiesce();
  }

  /** Counts of races so far, from the audit and the workers, to know whether to go on; the judge counts anew. */
  async racesSoFar(): Promise<RacesSoFar> {
    await this.deps.sampler.look();
    return countRacesSoFar(this.deps.place.addresses.databaseUrl, this.deps.sampler.readings);
  }

  /** Looks at the workers' own metrics now, so that totals are of this moment. */
  async readWorkers(): Promise<void> {
    await this.deps.sampler.look();
  }

  afterwards(thought: Afterthought): void {
    this.afterthoughts.push(thought);
  }

  gate(gate: Omit<Gate, 'passed'>): void {
    this.findings.gates.push({ ...gate, passed: gatePasses(gate.measured, gate.comparison, gate.target) });
  }

  async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }

  private async untilGroupHas(members: number): Promise<void> {
    const { kafka, place, signal } = this.deps;
    const admin = kafka.admin();
    await admin.connect();
    const giveUpAtMs = Date.now() + GROUP_STABLE_MS_MAX;
    try {
      for (;;) {
        signal.throwIfAborted();
        const { groups } = await admin.describeGroups([place.addresses.consumerGroup]);
        const [group] = groups;
        if (group?.state === 'Stable' && group.members.length === members) return;
        if (Date.now() > giveUpAtMs) {
          throw new Error(`the group of ${members} workers was not stable within ${GROUP_STABLE_MS_MAX} ms`);
        }
        await sleep(POLL_INTERVAL_MS);
      }
    } finally {
      await admin.disconnect();
    }
  }
}
