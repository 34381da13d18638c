/**
 * One demo from nothing to a verdict: starts servers and workers, sends a load, waits until nothing is under way, has
 * the harness's judge read the truth from tables and topics, and stops everything it started, however it ends.
 */

import { WORKER_PROGRAM } from '../cluster/product.ts';
import { COLLECTED_FILE, readCollected } from '../collect/collected.ts';
import { describeEnvironment } from '../command/describe-environment.ts';
import type { ScreenOutput } from '../engine/display/live-screen.ts';
import { runPart } from '../engine/run-part.ts';
import { Sandboxes } from '../engine/sandbox.ts';
import { describeLoad } from '../generator/describe-load.ts';
import { RunDirectory, runIdOf } from '../run/run-directory.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import type { DemoOptions } from './demo-options.ts';
import { demoPart } from './demo-part.ts';
import type { DemoReport } from './demo-report.ts';

export interface Demo {
  readonly options: DemoOptions;
  readonly root: string;
  /** Where the run directory is made. */
  readonly outputFolder: string;
  /** The command line that does the same again. */
  readonly replay: string;
  readonly output: ScreenOutput;
  readonly useColour: boolean;
  readonly signal: AbortSignal;
}

const SCENARIO = 'demo';

export async function runDemo(demo: Demo): Promise<DemoReport> {
  const say = (line: string) => demo.output.write(`${line}\n`);
  const { stack: source, kafkaNodes } = demo.options;
  const starting = startStack({ source, kafkaNodes, onProgress: (line) => say(`stack: ${line}`) });
  // Interrupted while it starts, we end at once: the guardian of the stack cleans up behind us.
  const stack = await Promise.race([starting, rejectWhenAborted(demo.signal)]);
  try {
    return await runOn(stack, demo, say);
  } finally {
    say('stopping');
    await stack.stop();
  }
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
  });
}

async function runOn(stack: Stack, demo: Demo, say: (line: string) => void): Promise<DemoReport> {
  const { options, root, output, useColour, signal } = demo;
  const { plan, load, facts } = demoPart(options);
  const directory = await RunDirectory.create(demo.outputFolder, await environmentOf(stack, demo, plan.env ?? {}));
  say(describeLoad(load));
  const sandboxes = new Sandboxes(stack, root);
  try {
    const part = await runPart({
      plan,
      identity: { name: plan.name },
      title: SCENARIO,
      directory,
      stack,
      sandboxes,
      root,
      program: WORKER_PROGRAM,
      signal,
      output,
      useColour,
      observation: null,
    });
    const lines = (await readCollected(directory.file(COLLECTED_FILE)))?.lines ?? {};
    return {
      ...facts,
      load: load.options,
      workers: options.workers,
      servers: stack.description,
      totals: load.manifest.totals,
      verdict: part.verdict,
      checks: part.checks,
      events: lines['topics/out.jsonl'] ?? 0,
      deadLetters: lines['topics/dlq.jsonl'] ?? 0,
      folder: directory.path,
      page: directory.file('report.html'),
    };
  } finally {
    await sandboxes.close().catch(() => undefined);
  }
}

async function environmentOf(stack: Stack, { options, root, outputFolder, replay }: Demo, env: object) {
  const { seed } = options.load;
  const isExternal = Object.values(stack.description).every((each) => each === 'external');
  const common = await describeEnvironment(root, stack, {
    scenarios: [SCENARIO],
    instances: [options.workers],
    durationSeconds: options.load.durationSeconds,
    seed,
    stack: isExternal ? 'external' : options.stack,
    outputFolder,
    tier: 'quick',
    repeat: 1,
    mutant: null,
    without: [],
    observe: false,
  });
  const startedAt = new Date();
  return {
    ...common,
    replay,
    runId: runIdOf(startedAt, SCENARIO, seed),
    scenario: SCENARIO,
    seed,
    options: { ...options.load, backlog: options.backlog, audit: !options.backlog, workerEnv: env },
    instances: options.workers,
    startedAt: startedAt.toISOString(),
  };
}
