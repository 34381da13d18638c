/** `els migrate`: the tables. Applying is safe to repeat and to run from several places at once. */
import type { Command } from 'commander';
import { type MigrationAdmin, type Open, using } from './deps.ts';
import { type AdminIo, formatTable, printResult } from './output.ts';

export function addMigrateCommands(program: Command, open: Open<MigrationAdmin>, io: AdminIo): void {
  const migrate = program.command('migrate').description('create and change the tables');

  migrate
    .command('up')
    .description('apply what is missing')
    .action(async (_options: unknown, command: Command) => {
      const result = await using(open, (migrations) => migrations.up((line) => io.stderr(`${line}\n`)));
      const text = result.applied.map((name) => `applied ${name}`).join('\n');
      printResult(command, io, result, text === '' ? 'nothing to apply' : text);
    });

  migrate
    .command('status')
    .description('show what is applied and what is missing')
    .action(async (_options: unknown, command: Command) => {
      const result = await using(open, (migrations) => migrations.status());
      const rows = [
        ...result.applied.map((name) => [name, 'applied']),
        ...result.pending.map((name) => [name, 'pending']),
        ...(result.newer ?? []).map((name) => [name, 'of a newer build']),
      ];
      printResult(command, io, result, formatTable(['MIGRATION', 'STATE'], rows));
    });
}
