/** Applies migrations and exits: `els migrate up` as a job of its own, never part of a worker's start. */
import { processIo } from '../admin/output.ts';
import { runAdmin } from '../admin/program.ts';
import { composeAdmin } from '../composition/admin.ts';

process.exitCode = await runAdmin(['migrate', 'up', ...process.argv.slice(2)], composeAdmin(), processIo());
