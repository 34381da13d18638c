/**
 * Goal: whoever reads in a loop gets fewer answers, and the work its speed. Method: 64 callers ask for the status of
 * batches without a pause while a backlog is drained, which must take no longer than an equal one took without them;
 * all the while every worker says that it is ready.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TARGETS } from '../../artefacts/targets.ts';
import type { WorkerProcess } from '../cluster/worker-process.ts';
import { forEachInstances, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import type { SendableLoad } from '../generator/sendable.ts';
import { loadNow } from './steps.ts';

const CALLERS = 64;
/** More often than any orchestrator asks. */
const PROBE_INTERVAL_MS = 100;
const DRAIN_MS_MAX = 120_000;

export const readLoad: Scenario = {
  name: 'read_load',
  goal: 'Callers of the read API in a loop take neither speed nor readiness from the work.',
  method: '64 callers without a pause beside a backlog, against an equal backlog without them.',
  defaultInstances: [3],
  parts: (request) =>
    forEachInstances(request, (workers) => {
      const options = { ...DEFAULT_LOAD, batches: request.tier === 'quick' ? 400 : 1_500, earlyPercent: 0 };
      return [
        {
          name: 'callers',
          workers,
          options: { ...options, callers: CALLERS },
          run: async (stage) => {
            await stage.startWorkers();
            stage.beginLoad();
            // Warm: what is compared is neither the first run of the code nor of the plans.
            await drainedAfter(stage, loadNow({ ...options, seed: request.seed + 3 }));
            const withoutMs = await drainedAfter(stage, loadNow({ ...options, seed: request.seed }));
            const load = loadNow({ ...options, seed: request.seed + 1 });
            const crowd = new Crowd(
              stage.deps.cluster.workers,
              load.manifest.batches.map(({ batchId }) => batchId),
            );
            const withMs = await drainedAfter(stage, load);
            await crowd.leave();
            conclude(stage, crowd, { withoutMs, withMs });
            await stage.quiesce();
          },
        },
      ];
    }),
};

class Crowd {
  answers = 0;
  probes = 0;
  notReady = 0;
  private isLeaving = false;
  private readonly all: readonly Promise<void>[];

  constructor(workers: readonly WorkerProcess[], batchIds: readonly string[]) {
    const callers = Array.from({ length: CALLERS }, (_, caller) => this.ask(workers, batchIds, caller));
    this.all = [...callers, ...workers.map((worker) => this.probe(worker))];
  }

  async leave(): Promise<void> {
    this.isLeaving = true;
    await Promise.all(this.all);
  }

  private async ask(workers: readonly WorkerProcess[], batchIds: readonly string[], caller: number): Promise<void> {
    for (let turn = caller; !this.isLeaving; turn += CALLERS) {
      const path = `/v1/batches/${batchIds[turn % batchIds.length]}/status`;
      const text = (await workers[turn % workers.length]?.get(path)) ?? null;
      if (text?.includes('"batch_id"')) this.answers += 1;
    }
  }

  private async probe(worker: WorkerProcess): Promise<void> {
    while (!this.isLeaving) {
      const text = await worker.get('/ready');
      this.probes += 1;
      if (!text?.includes('"ready"')) this.notReady += 1;
      await sleep(PROBE_INTERVAL_MS);
    }
  }
}

async function drainedAfter(stage: Stage, load: SendableLoad): Promise<number> {
  const startedAtMs = performance.now();
  await stage.send(load);
  await stage.untilDrained(DRAIN_MS_MAX);
  return performance.now() - startedAtMs;
}

function conclude(stage: Stage, crowd: Crowd, { withoutMs, withMs }: { withoutMs: number; withMs: number }): void {
  const { answers, probes, notReady } = crowd;
  stage.findings.number('drained without callers', withoutMs, { unit: 'ms', better: 'lower' });
  stage.findings.number('drained with callers', withMs, { unit: 'ms', better: 'lower' });
  stage.findings.number('answers to callers per second', (answers * 1_000) / withMs, { unit: '/s', better: 'higher' });
  stage.gate({
    name: 'Throughput beside 64 callers, over without',
    measured: withoutMs / withMs,
    target: TARGETS.throughputBesideTroubleMin,
    comparison: '>=',
    unit: '',
    source: 'aimed at',
    note: `${answers} answers`,
  });
  stage.findings.check({
    id: 'stays-ready',
    title: 'Every worker said all the while that it is ready',
    verdict: probes === 0 ? 'unknown' : notReady === 0,
    judged: probes,
    message: `${notReady} of ${probes} probes were not answered with ready`,
  });
  stage.findings.check({
    id: 'callers-met-work',
    title: 'Callers were answered while the backlog was drained',
    verdict: answers > 0 ? true : 'unknown',
    judged: answers,
    message: 'no caller got an answer',
  });
}
