import { CHECKERS } from '../../../distributed/judge/checkers.ts';
import { mergeVerdict } from '../../../distributed/run/verdict.ts';
import { EVENT_TYPES } from '../../../src/contract/topics.ts';
import { CorrectRun } from '../../support/recorded/correct-run.ts';
import type { Row } from '../../support/recorded/correct-service.ts';
import { alter, failing, filled, judge, records } from '../../support/recorded/judge-correct-run.ts';

const takings = ({ tables }: CorrectRun): Row[] =>
  tables.audit.filter((entry) => entry['table_name'] === 'slots' && entry['operation'] === 'update');
const completeBatch = (run: CorrectRun): Row =>
  run.first(run.tables.batches.filter((batch) => batch['state'] === 'complete'));

/** Each plants one fault in a right run; exactly the named checks fail, because they are what the fault is about. */
const FAULTS: readonly [fault: string, fails: readonly string[], plant: (run: CorrectRun) => void][] = [
  [
    'a content had another slot for a while',
    ['I1', 'I2'],
    (run) => {
      const open = run.first(run.tables.slots.filter((slot) => slot['status'] === 'open'));
      const isTwin = (entry: Row) => entry['batch_id'] === open['batch_id'] && entry['new'].text_storage_id !== null;
      const twin = run.first(takings(run).filter(isTwin));
      run.tables.audit.push({
        ...twin,
        row_id: open['essay_id'],
        new: { ...twin['new'], batch_version: 99 },
        seq: 1e6,
      });
    },
  ],
  [
    'a slot was taken twice and the last one won',
    ['I2'],
    (run) => {
      const taking = run.first(takings(run));
      const overwritten = { file_upload_id: 'overwritten', batch_version: taking['new'].batch_version - 0.5 };
      run.tables.audit.push({ ...taking, seq: taking['seq'] - 0.5, new: { ...taking['new'], ...overwritten } });
    },
  ],
  [
    'a slot was freed and taken again',
    ['I2'],
    (run) => {
      const taking = run.first(takings(run));
      run.tables.audit.push({
        ...taking,
        operation: 'delete',
        old: taking['new'],
        new: null,
        seq: taking['seq'] + 0.5,
      });
    },
  ],
  ['an excess content is stored nowhere', ['I3', 'I11', 'manifest', 'I7'], (run) => run.tables.excess_contents.pop()],
  ['a failure is stored nowhere', ['I3', 'I11'], (run) => run.tables.failures.pop()],
  [
    'a failure that burnt a slot says it burnt none',
    ['I3'],
    ({ tables }) => Object.assign(tables.failures.find((row) => row['essay_id'] !== null) ?? {}, { essay_id: null }),
  ],
  [
    'a failure appeared that nobody sent',
    ['I3'],
    ({ tables }) => tables.failures.push({ ...tables.failures[0], file_upload_id: 'invented', essay_id: null }),
  ],
  ['an invalid record vanished', ['I3'], (run) => run.topics.dlq.pop()],
  [
    'a conflicting registration vanished',
    ['I3', 'I11', 'manifest'],
    (run) =>
      run.topics.dlq.splice(
        run.topics.dlq.findIndex((letter) => letter.headers['dlq-reason'] !== 'malformed_json'),
        1,
      ),
  ],
  [
    'a valid content was set aside',
    ['I3'],
    (run) =>
      run.setAside(
        run.first(run.topics.in.filter((record) => record.topic === EVENT_TYPES.content)),
        'invalid_payload',
      ),
  ],
  [
    'a content was set aside for want of room, and there was room',
    ['I3'],
    (run) =>
      run.setAside(run.first(run.topics.in.filter((record) => record.topic === EVENT_TYPES.content)), 'pending_full'),
  ],
  [
    'a dead letter is about nothing',
    ['I3'],
    (run) => Object.assign(run.topics.dlq.at(-1)?.headers ?? {}, { 'dlq-offset': '99999' }),
  ],
  ['a dead letter has other bytes', ['I10'], (run) => Object.assign(run.topics.dlq.at(-1) ?? {}, { value: '{}' })],
  ['a record was set aside twice', ['I3'], (run) => run.copy('dlq', run.first(run.topics.dlq))],
  [
    'a completion was published twice',
    ['I4'],
    (run) => run.copy('out', run.first(records(run, EVENT_TYPES.completed))),
  ],
  [
    'a completion was published a second time under another id',
    ['I4', 'I5'],
    (run) => {
      const copy = run.copy('out', run.first(records(run, EVENT_TYPES.completed)));
      const eventId = '11111111-2222-5333-8444-555555555555';
      copy.value = copy.value?.replace(/"event_id":"[^"]+"/, `"event_id":"${eventId}"`) ?? null;
      copy.headers['event_id'] = eventId;
    },
  ],
  [
    'a completion was written by a later transaction',
    ['I5'],
    (run) => {
      const { id } = run.first(run.tables.outbox.filter((row) => row['messages'].includes(EVENT_TYPES.completed)));
      const entry = run.tables.audit.find((each) => each['table_name'] === 'outbox' && each['row_id'] === String(id));
      Object.assign(entry ?? {}, { txid: 99_999 });
    },
  ],
  [
    'a completion was published that no transaction wrote',
    ['I5'],
    ({ tables }) => {
      const row = tables.outbox.find((each) => each['messages'].includes(EVENT_TYPES.completed));
      const messages = JSON.parse(row?.['messages']) as Row[];
      Object.assign(row ?? {}, {
        messages: JSON.stringify(messages.filter(({ topic }) => topic !== EVENT_TYPES.completed)),
      });
    },
  ],
  [
    'a completion was not published',
    ['I6'],
    (run) =>
      run.topics.out.splice(
        run.topics.out.findLastIndex((record) => record.topic === EVENT_TYPES.completed),
        1,
      ),
  ],
  [
    'an assignment was not published',
    ['I6'],
    (run) =>
      run.topics.out.splice(
        run.topics.out.findIndex((record) => record.topic === EVENT_TYPES.slotAssigned),
        1,
      ),
  ],
  [
    'a completion leaves one essay out',
    ['I7'],
    (run) => alter(run.first(records(run, EVENT_TYPES.completed)), (data) => data['essays_for_processing'].pop()),
  ],
  [
    'a completion counts wrong',
    ['I7'],
    (run) => alter(run.first(records(run, EVENT_TYPES.completed)), (data) => data['provisioned_count']++),
  ],
  [
    'an assignment names another file',
    ['I7'],
    (run) =>
      alter(run.first(records(run, EVENT_TYPES.slotAssigned)), (data) => Object.assign(data, { file_upload_id: 'x' })),
  ],
  [
    'a content became excess before the batch was full',
    ['I8'],
    ({ tables }) =>
      Object.assign(tables.audit.find((entry) => entry['table_name'] === 'excess_contents') ?? {}, { seq: 0.5 }),
  ],
  [
    'an input is still pending behind its registration',
    ['I3', 'I8'],
    ({ tables }) =>
      tables.pending_inputs.push({ batch_id: tables.batches[0]?.['id'], kind: 'failure', identity: 'late' }),
  ],
  [
    'a content has a slot and is pending as well',
    ['I8', 'I9'],
    (run) => {
      const { batch_id, text_storage_id: identity } = run.first(filled(run));
      run.tables.pending_inputs.push({ batch_id, kind: 'content', identity });
    },
  ],
  [
    'a failure is stored with another reason',
    ['I10'],
    ({ tables }) => Object.assign(tables.failures[0] ?? {}, { error_code: 'OTHER' }),
  ],
  [
    'a committed offset went backwards',
    ['I11'],
    (run) => {
      const sample = { monoMs: 1, wallMs: 1, group: 'g', topic: 't', partition: 0, end: 9 };
      run.offsets.push({ ...sample, committed: 5 }, { ...sample, monoMs: 2, wallMs: 2, committed: 4 });
    },
  ],
  [
    'an offset was committed past the end',
    ['I11'],
    (run) => run.offsets.push({ monoMs: 1, wallMs: 1, group: 'g', topic: 't', partition: 0, end: 9, committed: 10 }),
  ],
  ['Redis holds a hint for nothing', ['I12'], (run) => run.redis.push({ wallMs: 1, key: 'els:hint:nobody' })],
  [
    'an outbox row was never published',
    ['I13'],
    ({ tables }) => Object.assign(tables.outbox[0] ?? {}, { published_at: null }),
  ],
  ['an outbox row was given up', ['I13'], ({ tables }) => Object.assign(tables.outbox[0] ?? {}, { dead: true })],
  ['coming to rest took too long', ['I13'], (run) => Object.assign(run.phases[2] ?? {}, { monoMs: 100_000 })],
  [
    'a session sits in a transaction',
    ['I14'],
    (run) => Object.assign(run.activity[0] ?? {}, { state: 'idle in transaction', transaction_ms: 60_000 }),
  ],
  ['a session waits for a lock', ['I14'], (run) => Object.assign(run.activity[0] ?? {}, { waits_for_lock: true })],
  ['a version was left out', ['I18'], ({ tables }) => tables.batches[0] && tables.batches[0]['version']++],
  [
    'a completion came before the last slot',
    ['I5', 'I18'],
    (run) => {
      const { id } = completeBatch(run);
      const isCompleting = (entry: Row) => entry['batch_id'] === id && entry['new']?.state === 'complete';
      Object.assign(run.tables.audit.find(isCompleting) ?? {}, { seq: 0.5, txid: 99 });
    },
  ],
  ['a counter is wrong', ['counters'], ({ tables }) => tables.batches[0] && tables.batches[0]['filled_count']++],
  [
    'an event lacks a field',
    ['contract', 'I6'],
    (run) => alter(run.first(records(run, EVENT_TYPES.slotAssigned)), (data) => delete data['timestamp']),
  ],
  [
    'an event has another key',
    ['contract', 'I6'],
    (run) => Object.assign(run.first(records(run, EVENT_TYPES.slotAssigned)), { key: 'x' }),
  ],
  [
    'the generator planned otherwise',
    ['manifest'],
    ({ manifest }) => Object.assign(manifest.batches[0] ?? {}, { contents: 99 }),
  ],
];

describe('a planted fault', () => {
  test.each(FAULTS)('%s: %p and nothing else', async (_, fails, plant) => {
    const run = new CorrectRun();
    plant(run);
    const checks = await judge(run);
    expect(failing(checks).sort()).toEqual([...fails].sort());
    expect(mergeVerdict(checks)).toBe('invalid');
    for (const { verdict, problems } of checks) {
      if (verdict === false) expect(problems[0]?.message).not.toBe('');
    }
  });
});

/** Their faults are in other files or other runs: judge-evidence.test.ts, invariants/clients.test.ts. */
const PLANTED_ELSEWHERE = ['I19', 'I20', 'I21', 'evidence'];

test('every question is asked of a run with a fault that it must find', () => {
  const planted = new Set(FAULTS.flatMap(([, fails]) => fails));
  expect(CHECKERS.map(({ id }) => id).filter((id) => !planted.has(id))).toEqual(PLANTED_ELSEWHERE);
});
