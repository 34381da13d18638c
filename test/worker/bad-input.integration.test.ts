/**
 * Everything a producer may get wrong, through a real worker, each with a good record behind it in the same partition:
 * the bad one ends in its dead-letter topic with reason and original bytes, or is accepted where the contract is
 * lenient, and never holds up the good one. Then the operators' commands on those letters.
 */
import { gunzipSync } from 'node:zlib';
import { CompressionTypes, type IHeaders } from 'kafkajs';
import { contractTopic, deadLetterTopic } from '../../src/contract/topics.ts';
import { runAdminCommand } from '../support/admin-command.ts';
import { type SentRecord, sendRecords, type TailRecord } from '../support/servers/topic-tail.ts';
import { badRecords, type NamedRecord, oddRecords } from '../support/worker/bad-records.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';
import type { WorkerProgram } from '../support/worker/worker-program.ts';

const GZIP_LIMIT_BYTES = 16 * 1024 * 1024;

jest.setTimeout(90_000);

let fixture: WorkerFixture;
let worker: WorkerProgram;

beforeAll(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
  worker = await fixture.launchReady('worker', { env: { VALUE_BYTES_MAX: '262144' } });
});
afterAll(() => fixture?.close());

const letters = async () => (await fixture.tail.complete()).filter(({ topic }) => topic.endsWith('.DLQ'));
/** Without those of the letter, as bytes. */
const plainHeaders = (headers: IHeaders) =>
  Object.entries(headers)
    .filter(([name]) => !name.startsWith('dlq-'))
    .map(([name, values]) => [name, [values ?? ''].flat().map((value) => Buffer.from(value).toString('hex'))])
    .sort();
const reasonOf = ({ headers }: TailRecord) => String(headers['dlq-reason']);
const filled = async (batch: string) => {
  const slots = await fixture.sql<{ text_storage_id: string }>(
    `select text_storage_id from slots where batch_id = $1 and status = 'filled'`,
    [batch],
  );
  return slots.map((slot) => slot.text_storage_id);
};

describe('what producers may get wrong', () => {
  let bad: NamedRecord[];
  let odd: NamedRecord[];
  /** As sent to partition 0 of its topic, by place. */
  let sent: Map<string, NamedRecord>;

  beforeAll(async () => {
    const { inputs, topics } = fixture;
    bad = badRecords(topics, inputs);
    odd = oddRecords(topics, inputs);
    const records: SentRecord[] = [inputs.registration('good', bad.length), inputs.registration('lenient', odd.length)];
    const nextOffset = new Map<string, number>([[topics.registration, 2]]);
    sent = new Map();
    for (const [index, named] of [...bad, ...odd].entries()) {
      const record = named[2];
      const offset = nextOffset.get(record.topic) ?? 0;
      nextOffset.set(record.topic, offset + 2);
      sent.set(`${record.topic}/0/${offset}`, named);
      const behind = {
        ...inputs.content('good', `good-${index % bad.length}`, `behind ${index}`),
        topic: record.topic,
      };
      records.push(record, behind);
    }
    await fixture.send(records.map((record) => ({ ...record, partition: 0 })));
    await fixture.settled();
  });

  test('every good record behind a bad one is processed, and the worker lives', async () => {
    expect(worker.hasEnded).toBe(false);
    expect(await filled('good')).toHaveLength(bad.length);
    expect(await fixture.count(`batches where id = 'good' and state = 'complete'`)).toBe(1);
  });

  test('every bad record has the reason it deserves, and no other record has one', async () => {
    const found = (await letters()).map((letter) => {
      const { headers } = letter;
      const name = sent.get(`${headers['dlq-topic']}/${headers['dlq-partition']}/${headers['dlq-offset']}`)?.[0];
      return `${name}: ${reasonOf(letter)}`;
    });
    const expected = bad.filter(([, fate]) => fate !== 'ignored').map(([name, fate]) => `${name}: ${fate}`);
    // A letter may be written again after a rebalance.
    expect([...new Set(found)].sort()).toEqual(expected.sort());
  });

  test('a letter has the key, the bytes and the headers of the record', async () => {
    for (const letter of await letters()) {
      const { headers } = letter;
      const place = `${headers['dlq-topic']}/${headers['dlq-partition']}/${headers['dlq-offset']}`;
      const [name, , record] = sent.get(place) ?? [];
      const original = record === undefined ? Buffer.alloc(0) : Buffer.from(record.value ?? '');
      expect([name, letter.value?.equals(original)]).toEqual([name, true]);
      expect(String(letter.key)).toBe(name);
      expect(plainHeaders(headers)).toEqual(plainHeaders(record?.headers ?? {}));
      expect(letter.topic).toBe(deadLetterTopic(record?.topic ?? ''));
      expect(String(headers['dlq-instance'])).toBe('worker');
      expect(String(headers['dlq-attempts'])).toBe('1');
      // A detail names fields, it does not quote the payload.
      expect(String(headers['dlq-detail']).length).toBeLessThan(300);
    }
  });

  test('what only looks wrong has its slot', async () => {
    expect(await filled('lenient')).toHaveLength(odd.length);
    expect(await fixture.count(`batches where id = 'lenient' and state = 'complete'`)).toBe(1);
    expect(await filled('lenient')).toEqual(expect.arrayContaining(['caf\u00E9', 'cafe\u0301', 'a key twice']));
    expect(await fixture.count(`batches where id not in ('good', 'lenient')`)).toBe(0);
  });

  test('every record is counted with one disposition', async () => {
    const { text } = await worker.get('/metrics');
    const counted = (disposition: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('els_inputs_total') && line.includes(`"${disposition}"`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    const ignoredCount = bad.filter(([, fate]) => fate === 'ignored').length;
    expect(counted('rejected')).toBe(bad.length - ignoredCount);
    expect(counted('ignored')).toBe(ignoredCount);
    expect(counted('registered')).toBe(2);
    expect(counted('assigned')).toBe(bad.length + odd.length);
    expect(counted('duplicate')).toBe(odd.length);
    expect(text).not.toContain(fixture.prefix);
    expect(text).toContain(contractTopic(fixture.prefix, fixture.topics.content));
  });

  test('a batch of the log that expands beyond the limit is one letter with its bytes', async () => {
    const bomb = { topic: fixture.topics.content, value: Buffer.alloc(GZIP_LIMIT_BYTES + 1), partition: 1 };
    await sendRecords(fixture.kafka, [bomb], CompressionTypes.GZIP);
    await fixture.send([{ ...fixture.inputs.content('good', 'behind the bomb'), partition: 1 }]);
    await fixture.settled();
    const [letter] = (await letters()).filter((one) => reasonOf(one) === 'undecodable_batch');
    expect(String(letter?.headers['dlq-detail'])).toContain('offsets 0 to 0, 1 records');
    expect(gunzipSync(letter?.value ?? Buffer.alloc(0)).length).toBeGreaterThan(GZIP_LIMIT_BYTES);
    expect(await fixture.count(`excess_contents where text_storage_id = 'behind the bomb'`)).toBe(1);
    expect(worker.hasEnded).toBe(false);
  });
});

describe('the letters, to an operator', () => {
  interface Letter {
    readonly partition: number;
    readonly offset: number;
    readonly reason: string;
    readonly value: string;
    readonly topic: string;
  }
  const dlq = <Result>(...args: string[]) => runAdminCommand<Result>(fixture.env(), 'dlq', ...args);
  const conflicting = ['--reason', 'conflicting_registration'];

  beforeAll(async () => {
    const { inputs } = fixture;
    const first = inputs.registration('twice', 2);
    const second = inputs.registration('twice', 3, { eventId: 'another registration' });
    await fixture.send([first, second].map((record) => ({ ...record, partition: 1 })));
    await fixture.settled();
  });

  test('are listed by reason and shown with their bytes', async () => {
    const listed = await dlq<Letter[]>('list', ...conflicting);
    expect(listed).toHaveLength(1);
    const [letter] = listed;
    expect(letter).toMatchObject({ reason: 'conflicting_registration', topic: fixture.topics.registration });
    const place = `${letter?.partition}:${letter?.offset}`;
    const shown = await dlq<Letter>('show', '--topic', fixture.topics.registration, '--offset', place);
    expect(shown).toEqual(letter);
    expect(JSON.parse(shown.value).event_id).toBe('another registration');
  });

  test('are only counted in a dry run', async () => {
    const before = (await letters()).length;
    expect(await dlq('replay', ...conflicting, '--dry-run')).toEqual({
      matched: 1,
      replayed: 0,
      skipped: 0,
      before: 0,
      refused: 0,
      dry_run: true,
    });
    const offsets = [...(await fixture.offsets()).values()];
    expect(offsets.every(({ committed, end }) => committed === end)).toBe(true);
    expect(await letters()).toHaveLength(before);
  });

  test('that would be refused as they are stay where they are', async () => {
    const counts = await dlq<Record<string, number>>('replay', '--reason', 'malformed_json');
    expect(counts['refused']).toBeGreaterThan(0);
    expect(counts).toMatchObject({ replayed: 0, refused: counts['matched'] });
  });

  test('that are brought back unmended come again, and the first registration stays', async () => {
    expect(await dlq('replay', ...conflicting)).toEqual({
      matched: 1,
      replayed: 1,
      skipped: 0,
      before: 0,
      refused: 0,
      dry_run: false,
    });
    await fixture.settled();
    const again = (await letters()).filter((letter) => reasonOf(letter) === 'conflicting_registration');
    expect(again).toHaveLength(2);
    expect(again[1]?.value).toEqual(again[0]?.value);
    expect(String(again[1]?.headers['replayed-from'])).toMatch(/\.DLQ\/0\/\d+$/);
    const count = { matched: 2, replayed: 0, skipped: 0, refused: 0, dry_run: true };
    expect(await dlq('replay', ...conflicting, '--batch', 'twice', '--dry-run')).toEqual({ ...count, before: 1 });
    expect(await dlq('replay', ...conflicting, '--batch', 'another', '--dry-run')).toMatchObject({ matched: 0 });
    expect(await fixture.count(`slots where batch_id = 'twice'`)).toBe(2);
    expect(worker.hasEnded).toBe(false);
  });
});
