/** Everybody who can take part, in the order of the table. */
import { join } from 'node:path';
import { type Release, WORKER } from '../builds.ts';
import type { Contestant } from '../contestant.ts';
import type { NodeProgram } from '../newer-node.ts';
import {
  type FloorOptions,
  floorContestant,
  nothingToVerify,
  verifyFilledSlots,
  verifyWrittenEvents,
} from './floor.ts';
import type { WorkersOptions } from './worker-group.ts';
import { workersContestant } from './workers.ts';

const SEVERAL = 3;

export const QUEUES_ON_NEWER_NODE: readonly string[] = ['pg-boss', 'graphile-worker'];
export const RELEASE_NAMES: readonly string[] = [1, SEVERAL].map((workers) => several('release', workers));

export interface Surroundings {
  /** This checkout. */
  readonly root: string;
  readonly logFolder: string;
  readonly signal: AbortSignal;
}

/** Without a release, or without a Node for those that need a newer one, they are not among them. */
export function everybody(around: Surroundings, release: Release | null, node: NodeProgram | null): Contestant[] {
  return [
    ...floors(around),
    perEvent(around, 1),
    perEvent(around, SEVERAL),
    ...queues(around, node),
    ...product(around, release).map(workersContestant),
  ];
}

function floors({ root, logFolder }: Surroundings): Contestant[] {
  const floor = (options: Omit<FloorOptions, 'root' | 'logFolder'>) => floorContestant({ ...options, root, logFolder });
  const consume = (name: string, look: string, about: string) =>
    floor({ name, about, program: 'floor-consume.ts', env: { BENCH_LOOK: look }, share: 1, verify: nothingToVerify });
  const claim = (work: string, size: number, share: number, about: string) =>
    floor({
      name: `${work}-${size}`,
      about,
      program: 'floor-claim.ts',
      env: { BENCH_WORK: work, BENCH_GROUP: String(size) },
      share,
      verify: verifyFilledSlots,
    });
  const alone = (size: number) => `the claim for groups of ${size}, one connection`;
  return [
    consume('consume', 'count', 'kafkajs counting contents'),
    consume('consume-parse', 'parse', 'and parsing them'),
    consume('consume-decode', 'decode', "with this build's decoder"),
    floor({
      name: 'produce',
      about: 'kafkajs writing the events, 500 in a send',
      program: 'floor-produce.ts',
      env: {},
      share: 1,
      verify: verifyWrittenEvents,
    }),
    claim('claim', 1, 0.05, alone(1)),
    claim('claim', 10, 0.2, alone(10)),
    claim('claim', 100, 1, alone(100)),
    claim('claim', 500, 1, alone(500)),
    claim('transaction', 100, 0.5, 'begin, claim, outbox, commit for groups of 100'),
    claim('transaction', 500, 1, 'the same for groups of 500'),
    claim('assign', 500, 1, 'the one statement that does it all for groups of 500'),
  ];
}

function perEvent(around: Surroundings, workers: number): Contestant {
  return peer(around, {
    name: several('per-event', workers),
    about: 'a transaction for each event, FOR UPDATE SKIP LOCKED',
    program: 'peer-per-event.ts',
    workers,
  });
}

/** Queues behind Kafka, as their documentation says to be fast. `node` is for those that do not run on 20. */
function queues(around: Surroundings, node: NodeProgram | null): Contestant[] {
  const behind = (name: string, how: string) => `${name} behind Kafka, ${how}, the same transaction`;
  const bull = peer(around, {
    name: 'bullmq',
    about: behind('BullMQ', 'addBulk, 100 at a time'),
    program: 'peer-bullmq.ts',
    workers: 1,
  });
  if (node === null) return [bull];
  const onNode = ` (Node ${node.version})`;
  return [
    peer(around, {
      name: 'pg-boss',
      about: behind('pg-boss', 'batches of 100') + onNode,
      program: 'peer-pg-boss.ts',
      workers: 1,
      node: node.path,
    }),
    peer(around, {
      name: 'graphile-worker',
      about: behind('graphile-worker', 'a local queue of 500') + onNode,
      program: 'peer-graphile-worker.ts',
      workers: 1,
      node: node.path,
    }),
    bull,
  ];
}

/** Workers of the release, if there is one, and of this build, alone and several together. */
export function product(around: Surroundings, release: Release | null): WorkersOptions[] {
  const built = (kind: 'release' | 'build', root: string, about: string) =>
    [1, SEVERAL].map((workers) => workerOf(around, { name: several(kind, workers), kind, about, root, workers }));
  return [
    ...(release === null ? [] : built('release', release.root, `the worker of ${release.name}`)),
    ...built('build', around.root, 'the worker of this checkout'),
  ];
}

/** The product's compiled worker of any checkout; `flags` are Node's. */
export function workerOf(
  { logFolder, signal }: Surroundings,
  options: Pick<WorkersOptions, 'name' | 'kind' | 'about' | 'root' | 'workers'> & {
    readonly flags?: readonly string[];
  },
): WorkersOptions {
  const { flags = [], ...rest } = options;
  return { ...rest, command: [process.execPath, ...flags, WORKER], logFolder, signal };
}

function peer(
  { root, logFolder, signal }: Surroundings,
  options: Pick<WorkersOptions, 'name' | 'about' | 'workers'> & { readonly program: string; readonly node?: string },
): Contestant {
  const { program, node = process.execPath, ...rest } = options;
  const file = join(root, 'distributed/bench/programs', program);
  return workersContestant({
    ...rest,
    kind: 'peer',
    root,
    command: [node, '--import', 'tsx', file],
    logFolder,
    signal,
  });
}

function several(name: string, workers: number): string {
  return workers === 1 ? name : `${name}-x${workers}`;
}
