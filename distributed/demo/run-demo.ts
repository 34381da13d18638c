/**
 * One demo from nothing to a verdict: starts servers and workers, sends a load, waits until nothing is under way, has
 * the harness's judge read the truth from tables and topics, and stops everything it started, however it ends.
 */

import { GATEWAY_PROGRAM } from '../cluster/gateway-tier.ts';
import { WORKER_PROGRAM } from '../cluster/product.ts';
import { COLLECTED_FILE, readCollected } from '../collect/collected.ts';
import { describeEnvironment } from '../command/describe-environment.ts';
import { onStack } from '../command/on-stack.ts';
import { type PlannedPart, runParts } from '../command/run-parts.ts';
import type { ScreenOutput } from '../engine/display/live-screen.ts';
import { runPart, type Surroundings } from '../engine/run-part.ts';
import { describeLoad } from '../generator/describe-load.ts';
import { countOf } from '../report/format.ts';
import type { Stack } from '../stack/stack.ts';
import type { DemoOptions } from './demo-options.ts';
import { demoPart } from './demo-part.ts';
import type { DemoReport } from './demo-report.ts';

const SCENARIO = 'demo';

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

export async function runDemo(demo: Demo): Promise<DemoReport> {
  const { options, root, output, useColour, signal, outputFolder } = demo;
  const say = (line: string) => output.write(`${line}\n`);
  const { stack: source, kafkaNodes } = options;
  return onStack({ source, kafkaNodes, root, signal, say: (line) => say(`stack: ${line}`) }, async (ground) => {
    const { stack, sandboxes } = ground;
    const { plan, load, facts } = demoPart(options);
    say(describeLoad(load));
    const programs = { program: WORKER_PROGRAM, gatewayProgram: GATEWAY_PROGRAM };
    const around = { stack, sandboxes, root, ...programs, signal, output, useColour, observation: null };
    const { seed } = options.load;
    const { directory, results } = await runParts({
      name: SCENARIO,
      seed,
      options: {},
      parts: [planned(around, plan, options)],
      common: await describeCommon(stack, demo),
      outputFolder,
      signal,
      say,
    });
    const lines = (await readCollected(directory.file(COLLECTED_FILE)))?.lines ?? {};
    return {
      ...facts,
      load: load.options,
      workers: options.workers,
      servers: stack.description,
      totals: load.manifest.totals,
      verdict: results.verdict,
      checks: results.checks,
      events: lines['topics/out.jsonl'] ?? 0,
      deadLetters: lines['topics/dlq.jsonl'] ?? 0,
      folder: directory.path,
      page: directory.file('report.html'),
    };
  });
}

function planned(
  around: Surroundings,
  plan: ReturnType<typeof demoPart>['plan'],
  { load, backlog, workers }: DemoOptions,
): PlannedPart {
  return {
    name: plan.name,
    title: SCENARIO,
    size: countOf(workers, 'worker'),
    environment: {
      scenario: SCENARIO,
      seed: load.seed,
      options: { ...load, backlog, audit: !backlog, workerEnv: plan.env ?? {} },
      instances: workers,
    },
    run: (directory, identity) => runPart({ ...around, plan, title: SCENARIO, directory, identity }),
  };
}

async function describeCommon(stack: Stack, { options, root, outputFolder, replay }: Demo) {
  const isExternal = Object.values(stack.description).every((each) => each === 'external');
  const common = await describeEnvironment(root, stack, {
    scenarios: [SCENARIO],
    instances: [options.workers],
    durationSeconds: options.load.durationSeconds,
    seed: options.load.seed,
    stack: isExternal ? 'external' : options.stack,
    outputFolder,
    tier: 'quick',
    repeat: 1,
    mutant: null,
    without: [],
    observe: false,
  });
  return { ...common, replay };
}
