/** `pnpm docs:generate`, second half: writes the list of invariants. Run in the checkout, as pnpm does. */
import { writeFileSync } from 'node:fs';
import { INVARIANTS_FILE, invariantList } from '../judge/invariant-list.ts';

writeFileSync(INVARIANTS_FILE, await invariantList('.'));
process.stdout.write(`${INVARIANTS_FILE}\n`);
