/** A gateway and a worker on servers of their own, with batches in every state, for as long as their page is looked at. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GATEWAY_PROGRAM, GatewayTier } from '../cluster/gateway-tier.ts';
import { productEnv, WORKER_PROGRAM } from '../cluster/product.ts';
import { WorkerCluster } from '../cluster/worker-cluster.ts';
import { type Ground, onStack } from '../command/on-stack.ts';

const TEACHERS = ['anna.berg', 'jonas.lind', 'maria.holm'];
const COURSES = ['ENG5', 'ENG6', 'SVE1', 'SVE2'];
/** Slots, contents, failures of each batch; the first one is the one to look at. */
const BATCHES = [
  [240, 163, 9],
  [30, 30, 0],
  [28, 27, 2],
  [32, 12, 0],
  [25, 27, 0],
  [31, 0, 0],
  [29, 29, 0],
  [120, 88, 3],
] as const;

const ESSAYS_PER_POST = 12;
const POSTS_APART_MS = 300;

export interface LiveBatch {
  /** Of the gateway. */
  readonly url: string;
  readonly batchId: string;
  /** Slots of it that are, or are about to be, filled or burnt. */
  readonly settled: number;
}

export function withLiveBatches(
  { root, signal, say }: { root: string; signal: AbortSignal; say: (line: string) => void },
  work: (live: LiveBatch) => Promise<void>,
): Promise<void> {
  return onStack({ source: 'local', root, signal, say }, async (ground) => {
    const url = await startProduct(ground, root, signal);
    for (const [index, batch] of [...BATCHES.entries()].reverse()) await fill(url, index, batch);
    const [[, contents, failures]] = BATCHES;
    await work({ url, batchId: batchIdAt(0), settled: contents + failures });
  });
}

async function startProduct({ sandboxes, releases }: Ground, root: string, signal: AbortSignal): Promise<string> {
  const logFolder = await mkdtemp(join(tmpdir(), 'els-pictures-'));
  releases.add(() => rm(logFolder, { recursive: true }));
  const { addresses } = await sandboxes.create({ partitions: 3, replicas: 1, audit: false });
  const env = productEnv(addresses);
  const own = { gateways: 1, hasBalancer: false, program: GATEWAY_PROGRAM };
  const tier = await GatewayTier.make({ root, env, logFolder, signal, ...own });
  releases.add(() => tier.stop());
  const program = WORKER_PROGRAM;
  const workers = new WorkerCluster({
    workers: 1,
    root,
    program,
    envOf: () => env,
    logFolder,
    onNote: () => undefined,
  });
  releases.add(() => workers.stop());
  await Promise.all([tier.start(), workers.start()]);
  await Promise.all([tier.waitReady(), workers.waitReady(signal)]);
  return tier.url;
}

const batchIdAt = (index: number) => `essays-2026-11-${String(27 - index).padStart(2, '0')}`;

async function fill(url: string, index: number, [slots, contents, failures]: (typeof BATCHES)[number]): Promise<void> {
  const batchId = batchIdAt(index);
  const named = (count: number, kind: string) => Array.from({ length: count }, (_, n) => `${batchId}-${kind}-${n + 1}`);
  await post(`${url}/v1/batches`, {
    batch_id: batchId,
    course_code: COURSES[index % COURSES.length],
    user_id: TEACHERS[index % TEACHERS.length],
    essay_count: slots,
  });
  const essays = named(contents, 'essay');
  for (let sent = 0; sent < contents; sent += ESSAYS_PER_POST) {
    // As uploads come, or the batch has no history to show.
    if (sent > 0) await sleep(POSTS_APART_MS);
    await post(`${url}/v1/batches/${batchId}/contents`, {
      contents: essays.slice(sent, sent + ESSAYS_PER_POST).map((name) => {
        return { file_upload_id: name, text_storage_id: `${name}-text`, original_file_name: `${name}.docx` };
      }),
    });
  }
  if (failures > 0) {
    await post(`${url}/v1/batches/${batchId}/failures`, {
      failures: named(failures, 'scan').map((name) => ({
        file_upload_id: name,
        original_file_name: `${name}.pdf`,
        validation_error_code: 'EMPTY_CONTENT',
        validation_error_message: 'no text in it',
      })),
    });
  }
}

async function post(url: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}
