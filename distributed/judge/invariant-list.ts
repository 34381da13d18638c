/**
 * docs/INVARIANTS.md: what must hold in every run, which file looks whether it did, and which mutants show that it
 * looks.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Checker } from './checker.ts';
import { CHECKERS } from './checkers.ts';
import { type Mutant, readMutants } from './mutants.ts';

const FOLDER = 'distributed/judge/invariants';

export const INVARIANTS_FILE = 'docs/INVARIANTS.md';

export const INVARIANTS_COMMAND = 'pnpm docs:generate';

const HEAD = `<!-- Generated from ${FOLDER} and test/mutants: ${INVARIANTS_COMMAND} -->
# Invariants

What must hold in every run of the harness, whatever was sent and whatever was broken. Each is judged from the files of
the run alone. A word in place of a number: not a promise of the service, but what its evidence or its plan must be like.

A mutant is a worker or a gateway that is wrong on purpose (\`--mutant NAME\`); a run with it must end *invalid* by that invariant.
Besides, each checker is shown runs with a planted fault, in \`test/distributed/judge/planted-faults.test.ts\` and
\`test/distributed/judge/judge-evidence.test.ts\`.

| id | what must hold | checker | mutants that it catches |
| --- | --- | --- | --- |
`;

export async function invariantList(root: string): Promise<string> {
  const files = await checkerFiles(root);
  const mutants = readMutants(root);
  const rows = CHECKERS.map((checker) => {
    const file = files.get(checker);
    if (file === undefined) throw new Error(`${checker.id} is in no file of ${FOLDER}`);
    return `| ${checker.id} | ${checker.title} | ${linkTo(file)} | ${caughtBy(checker, mutants)} |\n`;
  });
  return HEAD + rows.join('');
}

/** By what the files export, so that no list of them can be wrong. */
async function checkerFiles(root: string): Promise<Map<Checker, string>> {
  const files = new Map<Checker, string>();
  for (const name of readdirSync(join(root, FOLDER))) {
    const exported: Record<string, unknown> = await import(pathToFileURL(join(root, FOLDER, name)).href);
    for (const value of Object.values(exported)) {
      const checker = CHECKERS.find((each) => each === value);
      if (checker !== undefined) files.set(checker, `${FOLDER}/${name}`);
    }
  }
  return files;
}

function caughtBy({ id }: Checker, mutants: readonly Mutant[]): string {
  const links = mutants.filter((mutant) => mutant.caughtBy.includes(id)).map(({ file }) => linkTo(file));
  return links.length === 0 ? 'none' : links.join(', ');
}

function linkTo(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.ts$/, '');
  return `[${name}](../${file})`;
}
