/**
 * The contract as an npm package: types, parsers, topic names and event ids, as this service itself uses them, and the
 * JSON Schema files. One entry for each file of src/contract that is for others, so that who needs topic names loads no
 * parser. Made from what `tsc -p tsconfig.contract.json` has compiled into the folder.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const CONTRACT_FOLDER = 'dist/contract';
const NAME = '@essay-lifecycle/contract';
const ENTRIES = [
  'dead-letter-reasons',
  'event-id',
  'http',
  'inbound',
  'inbound-messages',
  'message',
  'outbound-schemas',
  'topics',
] as const;

const README = `# ${NAME}

What crosses the border of the Essay Lifecycle Service.

| entry | has |
|---|---|
| \`${NAME}/topics\` | names of topics and event types, \`topicsFor(prefix)\` |
| \`${NAME}/inbound-messages\` | builds what the service consumes |
| \`${NAME}/inbound\` | parses what the service consumes, as it does itself (zod) |
| \`${NAME}/outbound-schemas\` | parses what the service publishes, field for field: for tests; a consumer reads what it needs and lets the rest be |
| \`${NAME}/event-id\` | the ids of published events, by which copies are recognised |
| \`${NAME}/http\` | bodies of the HTTP API (zod) |
| \`${NAME}/dead-letter-reasons\` | what may stand in \`dlq-reason\` |
| \`${NAME}/schemas/*.json\` | JSON Schema of each event |
`;

export function packContract(root: string, folder: string): void {
  const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest;
  const { version, engines, dependencies, license } = read('package.json');
  const exported = ENTRIES.map((name) => [`./${name}`, { types: `./${name}.d.ts`, default: `./${name}.js` }]);
  const manifest = {
    name: NAME,
    version,
    description: 'Topics, messages and HTTP bodies of the Essay Lifecycle Service.',
    license,
    type: 'module',
    engines,
    exports: { ...Object.fromEntries(exported), './schemas/*.json': './schemas/*.json' },
    dependencies: { zod: dependencies['zod'] },
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), README);
  const schemas = join(root, 'docs', 'schemas');
  mkdirSync(join(folder, 'schemas'), { recursive: true });
  for (const file of readdirSync(schemas)) {
    copyFileSync(join(schemas, file), join(folder, 'schemas', file.replace('.schema.json', '.json')));
  }
}

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
}
