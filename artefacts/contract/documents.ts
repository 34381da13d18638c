/** The documents of the contract as the text of their files. The same code gives the same bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { asyncApi } from './asyncapi.ts';
import { openApi } from './openapi.ts';

/** Bounds of a worker with default settings. */
const DEFAULT_LIMITS = { idLengthMax: 200, slotsMax: 10_000 };

export interface ContractDocument {
  readonly file: string;
  readonly content: object;
  readonly text: string;
}

export function contractDocuments(root: string): ContractDocument[] {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const document = (file: string, content: object): ContractDocument => {
    const yaml = stringify(content, { aliasDuplicateObjects: false, lineWidth: 120 });
    return { file, content, text: `# Generated from src/contract by \`pnpm docs:generate\`.\n${yaml}` };
  };
  return [
    document('docs/asyncapi.yaml', asyncApi(version, DEFAULT_LIMITS)),
    document('docs/openapi.yaml', openApi(version)),
  ];
}
