/** The real worker, which the harness can have end itself at any step of its work. */
import { Program } from '../../../src/composition/program.ts';
import { composeWorker } from '../../../src/composition/worker.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { watchCrashPoints } from './crash-points.ts';

const container = composeWorker(loadConfig());
watchCrashPoints(container);
await container.resolve(Program).run();
