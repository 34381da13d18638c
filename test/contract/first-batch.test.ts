/** docs/FIRST_BATCH.md can be followed: what it sends with kcat is taken, and is all of one batch. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DECODE_LIMITS, decodeRecord } from '../../src/worker/settle/decode.ts';
import { asRecord } from '../support/worker/records.ts';

const page = readFileSync(join(__dirname, '../../docs/FIRST_BATCH.md'), 'utf8');
const sent = [...page.matchAll(/printf '([\w-]+)\\t%s\\n' '(\{.*\})' \|\n {2}kcat -P -b "\$KAFKA_BROKERS" -t (\S+)/g)];

test('three records are sent, each to its topic and with the key of its batch', () => {
  expect(sent).toHaveLength(3);
  for (const [, key, value = '', topic] of sent) {
    const { event_type: eventType, data } = JSON.parse(value) as { event_type: string; data: { entity_id: string } };
    expect([eventType, data.entity_id]).toEqual([topic, key]);
  }
});

test('the service takes each of them', () => {
  const kinds = sent.map(([, , value = '']) => {
    const decoded = decodeRecord(asRecord(value), DECODE_LIMITS);
    return decoded.kind === 'input' ? decoded.input.kind : decoded;
  });
  expect(kinds).toEqual(['registration', 'content', 'failure']);
});
