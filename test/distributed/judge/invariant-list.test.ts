import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKERS } from '../../../distributed/judge/checkers.ts';
import { INVARIANTS_COMMAND, INVARIANTS_FILE, invariantList } from '../../../distributed/judge/invariant-list.ts';
import { readMutants } from '../../../distributed/judge/mutants.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

const root = projectRoot();

test(`the list of invariants is as the code makes it: ${INVARIANTS_COMMAND}`, async () => {
  expect(readFileSync(join(root, INVARIANTS_FILE), 'utf8')).toBe(await invariantList(root));
});

test('ids of checkers are distinct, and every mutant is caught by one that exists', () => {
  const ids = CHECKERS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const mutants = readMutants(root);
  expect(mutants.length).toBeGreaterThan(0);
  for (const { caughtBy } of mutants) expect(ids).toEqual(expect.arrayContaining([...caughtBy]));
});
