/**
 * The worker: consumes, assigns, publishes, serves its probes; until a signal. `els config help` lists its settings.
 */
import { composeWorker, Program } from '../composition/worker.ts';
import { configWarnings, loadConfig } from '../config/config.ts';
import type { Config } from '../config/config-schema.ts';
import { describeError } from '../errors.ts';
import { exitCodeOf } from '../lifecycle.ts';

function checkedConfig(): Config {
  for (const warning of configWarnings()) {
    process.stderr.write(`warning: ${warning}\n`);
  }
  try {
    return loadConfig();
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exit(exitCodeOf(error));
  }
}

await composeWorker(checkedConfig()).resolve(Program).run();
