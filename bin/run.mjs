/** `node bin/run.mjs src/bin/worker.ts ...`: a program of the sources, with the lines of its sources in its errors. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundled } from './bundle.mjs';

const [node, , source, ...args] = process.argv;
if (source === undefined) {
  process.stderr.write('Usage: node bin/run.mjs <program.ts> [arguments]\n');
  process.exit(2);
}
const path = await bundled(resolve(source));
process.setSourceMapsEnabled(true);
process.argv = [node, path, ...args];
await import(pathToFileURL(path).href);
