import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE, VERSION } from '../src/version.ts';

test('the program calls itself what package.json calls it', () => {
  const { name, version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8'));
  expect({ name, version }).toEqual({ name: SERVICE, version: VERSION });
});
