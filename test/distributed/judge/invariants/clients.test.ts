/** What is asked of the records of clients: histories of right gateways hold, and each thing that goes wrong is found. */
import fc from 'fast-check';
import { Answer, type Checker } from '../../../../distributed/judge/checker.ts';
import { BatchEvidence } from '../../../../distributed/judge/evidence/batch-evidence.ts';
import { slotRow } from '../../../../distributed/judge/evidence/rows.ts';
import type { RunEvidence } from '../../../../distributed/judge/evidence/run-evidence.ts';
import { acceptedIsWritten } from '../../../../distributed/judge/invariants/accepted.ts';
import { liveProgress } from '../../../../distributed/judge/invariants/live-progress.ts';
import type { ClientNote, ClientRecord } from '../../../../distributed/run/client-record.ts';

const BATCH = 'batch-1';
const AT = '2026-01-05T08:00:00.000Z';
const stamped = (note: ClientNote, client = 'watcher-1'): ClientRecord => {
  return { monoMs: 0, wallMs: 0, client, batchId: BATCH, ...note };
};

/** A complete batch whose slots were taken in an order of their own. */
function batchOf(size: number): BatchEvidence {
  const batch = new BatchEvidence(BATCH);
  for (let version = 1; version <= size; version++) {
    const isFilled = version % 3 !== 0;
    const identity = isFilled ? { text_storage_id: `text-${version}` } : { text_storage_id: null };
    batch.slots.push(
      slotRow.parse({
        essay_id: `essay-${version}`,
        batch_id: BATCH,
        position: size - version,
        status: isFilled ? 'filled' : 'failed',
        ...identity,
        file_upload_id: `file-${version}`,
        original_file_name: 'f',
        assigned_at: AT,
        assigned_by: 'worker-1',
        batch_version: version,
      }),
    );
  }
  const nothing = { courseCode: null, userId: null, orgId: null, classId: null, promptRef: null, correlationId: null };
  const counters = [size, 0, 0, 0] as const;
  batch.row = { id: BATCH, state: 'complete', version: size, counters, completedAtMs: 0, ...nothing };
  return batch;
}

type Told = {
  type: string;
  batch_id: string;
  from?: number;
  to?: number;
  version?: number;
  completed_at?: string;
  filled?: number;
  slots?: object[];
};

function progress({ slots }: BatchEvidence, from: number, to: number) {
  const taken = slots.filter(({ batchVersion }) => Number(batchVersion) <= to);
  const filled = taken.filter(({ status }) => status === 'filled').length;
  const told = taken.filter(({ batchVersion }) => Number(batchVersion) > from);
  return {
    batch_id: BATCH,
    state: to === slots.length ? 'complete' : 'open',
    expected_count: slots.length,
    open: slots.length - to,
    filled,
    failed: to - filled,
    slots: told.map((slot) => ({
      version: slot.batchVersion,
      essay_id: slot.essayId,
      position: slot.position,
      status: slot.status,
      text_storage_id: slot.textStorageId,
      file_upload_id: slot.fileUploadId,
      original_file_name: slot.originalFileName,
      assigned_at: AT,
      assigned_by: slot.assignedBy,
    })),
  };
}

const changes = (batch: BatchEvidence, from: number, to: number): Told => {
  return { type: 'changes', from, to, ...progress(batch, from, to) };
};
const snapshot = (batch: BatchEvidence, version: number): Told => {
  return { type: 'snapshot', version, ...progress(batch, 0, version) };
};
const complete = ({ slots }: BatchEvidence): Told => {
  return { type: 'complete', batch_id: BATCH, version: slots.length, completed_at: AT };
};

/** What a client may be told who comes at some version and whose line breaks now and then. */
const histories = fc
  .record({
    first: fc.nat(3),
    steps: fc.array(
      fc.record({ by: fc.integer({ min: 1, max: 4 }), how: fc.constantFrom('told', 'cut', 'snapshot') }),
      {
        minLength: 2,
        maxLength: 12,
      },
    ),
  })
  .map(({ first, steps }) => {
    const size = steps.reduce((sum, { by }) => sum + by, first);
    const batch = batchOf(size);
    const messages: (Told | number)[] = [snapshot(batch, first)];
    let has = first;
    for (const { by, how } of steps) {
      if (how !== 'told') messages.push(has);
      messages.push(how === 'snapshot' ? snapshot(batch, has + by) : changes(batch, has, has + by));
      has += by;
    }
    messages.push(complete(batch));
    return { batch, messages };
  });

/** A number is a connection that was lost, and begun again with that version. */
function heard(
  messages: readonly (Told | number)[],
  last: ClientNote = { what: 'left', atRest: true },
): ClientRecord[] {
  const notes: ClientNote[] = [{ what: 'connected', gateway: 'a:1', after: null }];
  for (const message of messages) {
    if (typeof message === 'number') {
      notes.push({ what: 'closed', code: 1006 }, { what: 'connected', gateway: 'a:2', after: message });
    } else notes.push({ what: 'told', text: JSON.stringify(message) });
  }
  return [...notes, last].map((note) => stamped(note));
}

function verdictOf(checker: Checker, batch: BatchEvidence, records: readonly ClientRecord[]) {
  batch.clients.splice(0, batch.clients.length, ...records);
  const answer = new Answer();
  checker.batch?.(batch, {} as RunEvidence, answer);
  return answer.check(checker.id, checker.title).verdict;
}

test('whatever a right gateway tells, over any connections, holds', () => {
  fc.assert(
    fc.property(histories, ({ batch, messages }) => {
      expect(verdictOf(liveProgress, batch, heard(messages))).toBe(true);
    }),
  );
});

/** At one of the messages that are news to the client. */
const WRONGS: readonly [string, (messages: (Told | number)[], at: number, batch: BatchEvidence) => void][] = [
  ['is left out', (messages, at) => messages.splice(at, 1)],
  ['comes twice', (messages, at) => messages.splice(at, 0, messages[at] ?? 0)],
  ['comes again later', (messages, at) => messages.splice(messages.length - 1, 0, messages[at] ?? 0)],
  ['is of another batch', (messages, at) => Object.assign(messages[at] ?? {}, { batch_id: 'batch-2' })],
  ['miscounts', (messages, at) => Object.assign(messages[at] ?? {}, { filled: 99 })],
  ['lacks a slot', (messages, at) => (messages[at] as Told).slots?.pop()],
  [
    'has another text',
    (messages, at) => Object.assign((messages[at] as Told).slots?.[0] ?? {}, { text_storage_id: 'x' }),
  ],
  ['has another place', (messages, at) => Object.assign((messages[at] as Told).slots?.[0] ?? {}, { position: 99 })],
  ['is no message', (messages, at) => messages.splice(at, 1, { type: 'news', batch_id: BATCH })],
  ['is the last one heard', (messages, at) => messages.splice(at, messages.length - at)],
  ['is followed by a completion', (messages, at, batch) => messages.splice(at, 0, complete(batch))],
];

test.each(WRONGS)('a message that %s is found', (_, spoil) => {
  fc.assert(
    fc.property(histories, fc.nat(), ({ batch, messages }, place) => {
      const news = messages.flatMap((message, at) =>
        at > 0 && typeof message !== 'number' && message.slots ? [at] : [],
      );
      const spoilt = structuredClone(messages);
      spoil(spoilt, news[place % news.length] ?? 0, batch);
      expect(verdictOf(liveProgress, batch, heard(spoilt))).toBe(false);
    }),
  );
});

test('a snapshot that brings nothing is a repetition', () => {
  const batch = batchOf(4);
  const told = [snapshot(batch, 2), 2, snapshot(batch, 2), changes(batch, 2, 4)];
  expect(verdictOf(liveProgress, batch, heard(told))).toBe(false);
});

test('who left before the end need not have heard of it, and a record without an end is no evidence', () => {
  const batch = batchOf(4);
  const told = [snapshot(batch, 1), changes(batch, 1, 2)];
  expect(verdictOf(liveProgress, batch, heard(told, { what: 'left', atRest: false }))).toBe(true);
  expect(verdictOf(liveProgress, batch, heard(told, { what: 'closed', code: 1006 }))).toBe('unknown');
});

test('what was never there has nobody who heard of it', () => {
  const batch = new BatchEvidence(BATCH);
  expect(verdictOf(liveProgress, batch, heard([]))).toBe(false);
});

describe('an answer 202', () => {
  const contents = (eventId: string, key: string | null, status = 202): ClientNote => {
    const eventIds = status === 202 ? [eventId] : [];
    return { what: 'answer', asked: 'contents', key, attempt: 1, status, tookMs: 1, gateway: 'a:1', eventIds };
  };
  const judge = (notes: readonly ClientNote[]) => {
    const batch = batchOf(1);
    const place = { topic: 't', partition: 0, offset: 0, timestampMs: 0, correlationId: '', originalFileName: '' };
    batch.contents.push({
      ...place,
      kind: 'content',
      eventId: 'e1',
      batchId: BATCH,
      textStorageId: 't',
      fileUploadId: 'f',
    });
    return verdictOf(
      acceptedIsWritten,
      batch,
      notes.map((note) => stamped(note, 'user-1')),
    );
  };
  const left: ClientNote = { what: 'left', atRest: false };

  test('names what lies in the topic, and the same each time', () => {
    expect(judge([contents('e1', 'k', 503), contents('e1', 'k'), contents('e1', 'k'), left])).toBe(true);
    expect(judge([contents('e2', 'k'), left])).toBe(false);
    expect(judge([contents('e1', null), contents('e1', null), left])).toBe(true);
  });

  test('without the end of the record is no evidence', () => {
    expect(judge([contents('e1', 'k')])).toBe('unknown');
  });

  test('under one key has the same events', () => {
    const both = contents('e1', 'k');
    expect(judge([both, { ...both, eventIds: ['e1', 'e1'] } as ClientNote, left])).toBe(false);
  });
});
