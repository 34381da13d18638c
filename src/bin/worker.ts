/**
 * The worker: consumes, assigns, publishes, serves its probes; until a signal. `els config help` lists its settings.
 */
import { startProgram } from '../composition/start.ts';
import { composeWorker } from '../composition/worker.ts';

const USAGE = `Usage: worker

Consumes, assigns, publishes and serves its probes until SIGTERM or SIGINT. It takes no arguments: settings come from
the environment, see els config help and els config check.

Exit codes: 0 stopped as asked, 2 wrong usage, 78 start refused, 1 anything else.
`;

await startProgram(USAGE, process.argv.slice(2), composeWorker);
