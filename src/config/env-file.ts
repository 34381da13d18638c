/**
 * A file `.env` in the working directory, for whoever starts programs by hand. What the environment has already is
 * stronger, so nothing that an orchestrator sets is changed by a file that happens to lie there.
 */
import { existsSync } from 'node:fs';
import { describeError } from '../errors.ts';

const FILE = '.env';

/** What is wrong with the file, if anything is. */
export function readEnvFile(): string | undefined {
  if (!existsSync(FILE)) return undefined;
  try {
    process.loadEnvFile(FILE);
    return undefined;
  } catch (error) {
    return `${FILE} cannot be read: ${describeError(error)}`;
  }
}
