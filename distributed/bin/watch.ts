/**
 * Part of the harness: many live watchers in a process of their own, so that the harness's work takes no time from them.
 * They come a hundred at a time.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from '../clients/crowd.ts';
import { LEAVE, type WatchingState, watchingTask } from '../clients/watching.ts';
import { SeededRandom } from '../generator/seeded-random.ts';
import { ClientLog } from '../run/client-log.ts';
import type { ClientRecord } from '../run/client-record.ts';
import { JsonLinesWriter } from '../run/json-lines.ts';

const AT_ONCE = 100;
const INTERVAL_MS = 100;

const task = watchingTask.parse(JSON.parse(process.argv[2] ?? ''));
const log = new ClientLog(new JsonLinesWriter<ClientRecord>(task.file), () => {
  const wallMs = Date.now();
  return { monoMs: wallMs - task.startedAtMs, wallMs };
});
const crowd = new Crowd({
  note: (client, ...rest) => log.note(`${task.names}-${client}`, ...rest),
  signal: new AbortController().signal,
  random: new SeededRandom(task.seed, 0),
});

let farewell: string | undefined;
const told = once(createInterface({ input: process.stdin }), 'line').then(([line]) => {
  farewell = String(line);
});
while (farewell === undefined) {
  const { watchers } = crowd;
  const missing = Math.min(AT_ONCE, task.count - watchers.length);
  if (stateNow().told === watchers.length) for (let each = 0; each < missing; each++) comeIn();
  await Promise.race([sleep(INTERVAL_MS), told]);
  process.stdout.write(`${JSON.stringify(stateNow())}\n`);
}
await crowd.leave({ atRest: farewell === LEAVE.atRest });
log.close();
process.exit(0);

function comeIn(): void {
  const at = crowd.watchers.length;
  crowd.watcher(task.batchId, (connection) => task.urls[(at + connection) % task.urls.length] ?? '');
}

function stateNow(): WatchingState {
  const versions = crowd.watchers.flatMap(({ version }) => (version === null ? [] : [version]));
  const isAll = versions.length === task.count;
  const version = isAll ? versions.reduce((lowest, each) => Math.min(lowest, each), Number.MAX_SAFE_INTEGER) : null;
  return { told: versions.length, version };
}
