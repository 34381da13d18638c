/** `els`: the operators' commands. */
import { processIo } from '../admin/output.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';

process.exitCode = await runAdmin(process.argv.slice(2), composeAdmin(), processIo());
