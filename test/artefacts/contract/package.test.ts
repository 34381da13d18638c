/** The package of the contract can be used by somebody who has nothing else of this repository. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packContract } from '../../../artefacts/contract/package.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

jest.setTimeout(120_000);

const root = projectRoot();
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'els-contract-'));
  const folder = join(home, 'node_modules', '@essay-lifecycle', 'contract');
  mkdirSync(folder, { recursive: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.contract.json'), '--outDir', folder]);
  packContract(root, folder);
  symlinkSync(join(root, 'node_modules', 'zod'), join(home, 'node_modules', 'zod'));
});
afterAll(() => rmSync(home, { recursive: true }));

const PROGRAM = `
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEAD_LETTER_REASONS } from '@essay-lifecycle/contract/dead-letter-reasons';
import { outboundEventId } from '@essay-lifecycle/contract/event-id';
import { batchStatusBody } from '@essay-lifecycle/contract/http';
import { inboundSchemas } from '@essay-lifecycle/contract/inbound';
import { contentMessage } from '@essay-lifecycle/contract/inbound-messages';
import { SCHEMA_VERSION } from '@essay-lifecycle/contract/message';
import { completedEvent } from '@essay-lifecycle/contract/outbound-schemas';
import { EVENT_TYPES, topicsFor } from '@essay-lifecycle/contract/topics';

const { value } = contentMessage({
  topics: topicsFor('p.'), eventId: 'e', batchId: 'b', correlationId: 'c', occurredAtMs: 0,
  textStorageId: 't', fileUploadId: 'u', originalFileName: 'n',
});
const schemas = inboundSchemas({ idLengthMax: 200, slotsMax: 10000 });
const isTaken = schemas.content.safeParse(schemas.envelope.parse(JSON.parse(value)).data).success;
const schema = import.meta.resolve('@essay-lifecycle/contract/schemas/' + EVENT_TYPES.completed + '.json');
const file = JSON.parse(readFileSync(fileURLToPath(schema), 'utf8'));
console.log(JSON.stringify({
  isTaken, title: file.title, version: SCHEMA_VERSION, reasons: DEAD_LETTER_REASONS.length,
  kinds: [outboundEventId, batchStatusBody.parse, completedEvent.parse].map((one) => typeof one),
}));
`;

test('every entry can be imported, and what is built is what is parsed', () => {
  writeFileSync(join(home, 'program.mjs'), PROGRAM);
  const output = execFileSync(process.execPath, [join(home, 'program.mjs')], { encoding: 'utf8' });
  expect(JSON.parse(output)).toEqual({
    isTaken: true,
    title: 'huleedu.batch.content.provisioning.completed.v1',
    version: 1,
    reasons: 12,
    kinds: ['function', 'function', 'function'],
  });
});
