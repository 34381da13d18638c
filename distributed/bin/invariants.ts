/** `pnpm docs:generate`, second half: writes the list of invariants. Run in the checkout, as pnpm does. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { INVARIANTS_FILE, invariantList } from '../judge/invariant-list.ts';

new Command('docs:generate').description('Writes the list of invariants into docs/.').parse();

writeFileSync(INVARIANTS_FILE, await invariantList('.'));
process.stdout.write(`${INVARIANTS_FILE}\n`);
