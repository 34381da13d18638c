import { processIo } from '../admin/process-io.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';

/** Applies migrations and exits: `els migrate up` as a job of its own, never part of a worker's start. */
process.exitCode = await runAdmin(['migrate', 'up', ...process.argv.slice(2)], composeAdmin(), processIo());
