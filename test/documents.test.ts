/** The documents speak of files that exist: a move that forgets one fails here. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..');
/** Documents shorten what lies in the product. */
const BASES = ['', 'src', 'src/postgres', 'distributed'];
/** Made by commands, not committed; among them what lies in the directory of a run. */
const MADE = /^(runs|dist|coverage|node_modules|logs|parts|topics|tables)\//;
const FILE = /^[\w.-]+(\/[\w.-]+)+\.(ts|mjs|cjs|md|ya?ml|json|jsonc|sql|py|java)$/;
const FOLDER = /^[\w.-]+(\/[\w.-]+)*\/$/;

const documents = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n');

/** Everything in backticks that has the shape of a path, and the targets of links within the repository. */
function pathsIn(text: string): string[] {
  const quoted = [...text.matchAll(/`([^`\s]+)`/g)].map(([, path = '']) => path);
  const linked = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
  return [...quoted.filter((path) => FILE.test(path) || FOLDER.test(path)), ...linked].filter(
    (path) => !MADE.test(path),
  );
}

test.each(documents)('%s names only files that exist', (document) => {
  const bases = [...BASES, dirname(document)];
  const paths = pathsIn(readFileSync(join(ROOT, document), 'utf8'));
  expect(paths.filter((path) => !bases.some((base) => existsSync(join(ROOT, base, path))))).toEqual([]);
});

test('finds paths at all', () => {
  expect(documents).toContain('ARCHITECTURE.md');
  expect(
    pathsIn('see `src/domain/decide.ts`, `docs/`, [this](README.md#use), not `runs/latest/` or `pnpm test`'),
  ).toEqual(['src/domain/decide.ts', 'docs/', 'README.md']);
});
