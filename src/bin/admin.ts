import { processIo } from '../admin/process-io.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';

/** `els`: the operators' commands. */
process.exitCode = await runAdmin(process.argv.slice(2), composeAdmin(), processIo());
