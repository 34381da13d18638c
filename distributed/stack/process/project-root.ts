/** Where this checkout is, found from the working directory or the started program, whatever module system runs us. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { StackError } from './stack-error.ts';

const NAME = 'essay-lifecycle-service';

export function projectRoot(): string {
  const program = process.argv[1];
  const starts = [process.cwd(), ...(program !== undefined && existsSync(program) ? [realpathSync(program)] : [])];
  for (const start of starts) {
    for (let folder = start; ; folder = dirname(folder)) {
      if (isOurs(join(folder, 'package.json'))) return folder;
      if (dirname(folder) === folder) break;
    }
  }
  throw new StackError(`run this from the checkout of ${NAME}`);
}

function isOurs(packageFile: string): boolean {
  if (!existsSync(packageFile)) return false;
  const content: unknown = JSON.parse(readFileSync(packageFile, 'utf8'));
  return typeof content === 'object' && content !== null && 'name' in content && content.name === NAME;
}
