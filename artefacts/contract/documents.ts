/** The documents of the contract as the text of their files. The same code gives the same bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { JsonSchema } from '../../src/contract/json-schema.ts';
import { openApi } from '../../src/contract/openapi/openapi.ts';
import { EVENT_TYPES, type EventName } from '../../src/contract/topics.ts';
import { asyncApi, eventSchemas } from './asyncapi.ts';
import { EXAMPLES } from './examples.ts';
import { liveAsyncApi } from './live-asyncapi.ts';

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
    document('docs/asyncapi-live.yaml', liveAsyncApi(version)),
    document('docs/openapi.yaml', openApi(version)),
    ...Object.entries(eventSchemas(DEFAULT_LIMITS)).map(([name, schema]) => schemaFile(name as EventName, schema)),
  ];
}

/** The event by itself, for validators that know nothing of AsyncAPI. */
function schemaFile(name: EventName, schema: JsonSchema): ContractDocument {
  const content = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:essay-lifecycle-service:${EVENT_TYPES[name]}`,
    title: EVENT_TYPES[name],
    ...schema,
    examples: [JSON.parse(EXAMPLES[name].value)],
  };
  const file = `docs/schemas/${EVENT_TYPES[name]}.schema.json`;
  return { file, content, text: `${JSON.stringify(content, undefined, 2)}\n` };
}
