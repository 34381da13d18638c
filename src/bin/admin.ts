/** `els`: the operators' commands. */
import { processIo } from '../admin/output.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';

const exitCode = await runAdmin(process.argv.slice(2), composeAdmin(), processIo());
// What was asked may hang and keep its connection, and with it this process.
process.stdout.write('', () => process.exit(exitCode));
