import { judgeOutcome } from '../../../distributed/bench/outcome.ts';
import { completedMessage, excessMessage, slotAssignedMessage } from '../../../src/contract/outbound.ts';
import { topicsFor } from '../../../src/contract/topics.ts';

const about = {
  topics: topicsFor(''),
  batchId: 'b',
  correlationId: 'c',
  traceparent: null,
  occurredAtMs: 0,
  originalFileName: 'one.txt',
  fileUploadId: 'u',
};
const texts = ['t1', 't2'];
const slots = texts.map((textStorageId, at) => ({ batchId: 'b', textStorageId, essayId: `e${at + 1}` }));
const slotEvents = slots.map((slot) => slotAssignedMessage({ ...about, ...slot }).value);
const completion = (essays: typeof slots) =>
  completedMessage({ ...about, expectedCount: 2, courseCode: 'ENG5', userId: 'u', essays }).value;
const expected = { texts: texts.map((textStorageId) => ({ batchId: 'b', textStorageId })), batchIds: ['b'] };
const right = { slots, completeBatchIds: ['b'], events: [...slotEvents, completion(slots)] };

describe('the outcome of a drain', () => {
  test('is right when every text is in one slot and told, and the batch announced once', () => {
    expect(judgeOutcome(expected, right)).toEqual([]);
  });

  test.each([
    ['a text lost', { ...right, slots: slots.slice(1) }, 'text in a slot missing: 1, the first t1 of b'],
    [
      'a text twice',
      { ...right, slots: [...slots, { batchId: 'b', textStorageId: 't1', essayId: 'e3' }] },
      'text in a slot more than once: 1, the first t1 of b',
    ],
    [
      'a slot twice',
      { ...right, slots: slots.map((slot) => ({ ...slot, essayId: 'e1' })) },
      'slot with a text more than once: 1, the first e1',
    ],
    [
      'an event missing',
      { ...right, events: right.events.slice(1) },
      'event of a slot missing: 1, the first t1 of b in e1',
    ],
    [
      'an event about another slot',
      { ...right, events: right.events.map((value) => value.replace('"essay_id":"e2"', '"essay_id":"e9"')) },
      'event of a slot that should not be: 1, the first t2 of b in e9',
    ],
    ['a batch open', { ...right, completeBatchIds: [] }, 'complete batch missing: 1, the first b'],
    ['a completion missing', { ...right, events: slotEvents }, 'completion missing: 1, the first b'],
    [
      'a completion twice',
      { ...right, events: [...right.events, completion(slots)] },
      'completion more than once: 1, the first b',
    ],
    [
      'a completion without a slot',
      { ...right, events: [...slotEvents, completion(slots.slice(1))] },
      'slot in a completion missing: 1, the first t1 of b in e1',
    ],
    [
      'an excess where there is none',
      { ...right, events: [...right.events, excessMessage({ ...about, textStorageId: 't1' }).value] },
      'excess that should not be: 1, the first b',
    ],
  ])('is wrong with %s', (_name, found, problem) => {
    expect(judgeOutcome(expected, found)).toContain(problem);
  });
});
