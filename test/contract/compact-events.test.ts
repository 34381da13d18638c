import fc from 'fast-check';
import { compactHead, expandEvents } from '../../src/contract/compact-events.ts';
import { completedMessage, slotAssignedMessage } from '../../src/contract/outbound.ts';
import { topicsFor } from '../../src/contract/topics.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
const trace = fc.record({ traceparent: fc.option(text), tracestate: fc.option(text) });
const slot = fc.record({
  essayId: text,
  batchId: text,
  textStorageId: text,
  fileUploadId: text,
  originalFileName: text,
  correlationId: text,
  trace,
});
const completion = fc.record({
  batchId: text,
  expectedCount: fc.nat(),
  courseCode: text,
  userId: text,
  correlationId: text,
  trace,
  essays: fc.array(fc.record({ essayId: text, textStorageId: text })),
});

test('the compact form expands to the bytes that the builders give', () => {
  const property = fc.property(
    fc.array(slot),
    fc.array(completion),
    text,
    fc.integer({ min: 0, max: 4_000_000_000_000 }),
    (slots, completions, prefix, occurredAtMs) => {
      const topics = topicsFor(prefix);
      const lists = [
        slots.map((each) => [
          each.essayId,
          each.batchId,
          each.textStorageId,
          each.fileUploadId,
          each.originalFileName,
          each.correlationId,
          each.trace.traceparent,
          each.trace.tracestate,
        ]),
        completions.map((each) => [
          each.batchId,
          each.expectedCount,
          each.courseCode,
          each.userId,
          each.correlationId,
          each.trace.traceparent,
          each.trace.tracestate,
          each.essays.map(({ essayId, textStorageId }) => [essayId, textStorageId]),
        ]),
      ].map((list) => JSON.stringify(list));
      const row = `${compactHead(topics, occurredAtMs)},"slots":${lists[0]},"completions":${lists[1]}}`;
      expect(expandEvents(row)).toEqual([
        ...slots.map(({ trace: context, ...each }) =>
          slotAssignedMessage({ topics, occurredAtMs, ...each, ...context }),
        ),
        ...completions.map(({ trace: context, ...each }) =>
          completedMessage({ topics, occurredAtMs, ...each, ...context }),
        ),
      ]);
    },
  );
  fc.assert(property);
});

/** What is in a table somewhere must give these bytes in every later build. */
test('version 1 is what it was', () => {
  const row =
    '{"v":1,"at":1764547200000,"topics":{"slotAssigned":"t.slot","completed":"t.done"},' +
    '"slots":[["e1","b1","t1","u1","a.txt","c1",null,null]],' +
    '"completions":[["b1",1,"ENG5","teacher","c0","tp","ts",[["e1","t1"]]]]}';
  expect(expandEvents(row)).toMatchSnapshot();
});

test('rows of builds before it are whole messages', () => {
  const messages = [{ topic: 't', key: 'k', value: '{"a": 1}', headers: { event_id: 'x' } }];
  expect(expandEvents(JSON.stringify(messages))).toEqual(messages);
});

test('a later version is refused, not guessed', () => {
  expect(() => expandEvents('{"v":2}')).toThrow('version 2');
});
