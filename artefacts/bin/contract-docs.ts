/** `pnpm docs:generate`: writes the contract as AsyncAPI and OpenAPI. Run in the checkout, as pnpm does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { contractDocuments } from '../contract/documents.ts';

new Command('docs:generate').description('Writes the contract as AsyncAPI and OpenAPI into docs/.').parse();

mkdirSync('docs/schemas', { recursive: true });
for (const { file, text } of contractDocuments('.')) {
  writeFileSync(file, text);
  process.stdout.write(`${file}\n`);
}
