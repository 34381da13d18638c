/** `pnpm docs:generate`: writes the contract as AsyncAPI and OpenAPI. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contractDocuments } from '../contract-docs/documents.ts';
import { projectRoot } from '../stack/project-root.ts';

const root = projectRoot();
for (const { file, text } of contractDocuments(root)) {
  writeFileSync(join(root, file), text);
  process.stdout.write(`${file}\n`);
}
