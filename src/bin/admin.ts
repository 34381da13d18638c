/** `els`: the operators' commands. */
import { processIo } from '../admin/output.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';
import { readEnvFile } from '../config/env-file.ts';
import { EXIT_CONFIG } from '../lifecycle.ts';

const LINGER_MS_MAX = 500;

const io = processIo();
const mistake = readEnvFile();
if (mistake !== undefined) io.stderr(`${mistake}\n`);
process.exitCode = mistake === undefined ? await runAdmin(process.argv.slice(2), composeAdmin(), io) : EXIT_CONFIG;
// What was asked may hang and keep its connection, and with it this process.
setTimeout(() => process.exit(), LINGER_MS_MAX).unref();
