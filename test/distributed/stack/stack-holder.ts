/**
 * A process that starts a stack, tells what belongs to it and then waits to be killed. It prints one line per event:
 * `progress ...` while it starts, `up {...}` when everything runs.
 */
import { startStack } from '../../../distributed/stack/stack.ts';

const stack = await startStack({ onProgress: (line) => process.stdout.write(`progress ${line}\n`) });
const pids = [stack.guardianPid, ...stack.servers.map((server) => server.pid)];
process.stdout.write(`up ${JSON.stringify({ dataDir: stack.dataDir, pids })}\n`);
setInterval(() => {}, 60_000);
