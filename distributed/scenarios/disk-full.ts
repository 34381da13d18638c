/**
 * Goal: a PostgreSQL without space on its disk costs time and nothing else: workers say so, lose nothing, and go on by
 * themselves when there is space. Method: what it writes is on a small file system, which is filled under load and kept
 * full: once that of the tables, where every statement that needs a new page fails; once that of the write-ahead log,
 * without which the server ends.
 */
import { readFile } from 'node:fs/promises';
import { forEachInstances, type PartPlan, type PartRequest, type Scenario } from '../engine/part-plan.ts';
import type { Stage } from '../engine/stage.ts';
import { DEFAULT_LOAD } from '../generator/load-options.ts';
import { diskFilled, logDiskFilled } from '../nemesis/disk-faults.ts';
import type { Injector } from '../nemesis/injector.ts';
import type { Server } from '../stack/process/server.ts';
import type { SmallDiskFor } from '../stack/servers/small-disk.ts';
import { secondsAround, sendBesideFault } from './fault-beside-load.ts';

const RATE_PER_SECOND = 200;
const FULL_MS = 15_000;
/** In the words of the system. */
const REFUSAL = /No space left on device/g;

export const diskFull: Scenario = {
  name: 'disk_full',
  goal: 'PostgreSQL without space on its disk: workers say so, lose nothing, and go on when there is space again.',
  method: 'The file system of its tables, or of its write-ahead log, is filled under load for 15 s.',
  defaultInstances: [2],
  isLong: true,
  parts: (request) =>
    forEachInstances(request, (workers) => (['data', 'wal'] as const).map((disk) => part(request, workers, disk))),
};

function part(request: PartRequest, workers: number, disk: SmallDiskFor): PartPlan {
  const durationSeconds = secondsAround(FULL_MS);
  const load = { ...DEFAULT_LOAD, seed: request.seed, ratePerSecond: RATE_PER_SECOND, durationSeconds };
  return {
    name: disk,
    workers,
    servers: { smallDisk: disk },
    options: { ...load, fullMs: FULL_MS },
    run: async (stage) => {
      const before = await countRefusals(stage);
      await sendBesideFault(stage, load, () => ({
        injector: injectorOf(stage, disk),
        holdMs: FULL_MS,
        workers: stage.deps.cluster.workers,
        noticed: 'unhealthy',
      }));
      const refusals = (await countRefusals(stage)) - before;
      stage.findings.number('times PostgreSQL found no space', refusals);
      stage.findings.check({
        id: 'space',
        title: 'PostgreSQL ran out of space',
        verdict: refusals > 0 ? true : 'unknown',
        judged: refusals,
        message: 'its log says nothing of it',
      });
    },
  };
}

function injectorOf(stage: Stage, disk: SmallDiskFor): Injector {
  const { smallDisk } = stage.deps.stack;
  if (smallDisk === undefined) throw new Error('the part needs a small disk');
  if (disk === 'data') return diskFilled(smallDisk);
  return logDiskFilled(smallDisk, postgresOf(stage), stage.deps.sandbox.addresses.databaseUrl);
}

function postgresOf(stage: Stage): Server {
  const server = stage.deps.stack.servers.find(({ name }) => name === 'postgres');
  if (server === undefined) throw new Error('the part needs a PostgreSQL of our own');
  return server;
}

async function countRefusals(stage: Stage): Promise<number> {
  return (await readFile(postgresOf(stage).logFile, 'utf8')).match(REFUSAL)?.length ?? 0;
}
