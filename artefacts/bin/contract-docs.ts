/** `pnpm docs:generate`: writes the contract as AsyncAPI and OpenAPI. Run in the checkout, as pnpm does. */
import { writeFileSync } from 'node:fs';
import { contractDocuments } from '../contract/documents.ts';

for (const { file, text } of contractDocuments('.')) {
  writeFileSync(file, text);
  process.stdout.write(`${file}\n`);
}
