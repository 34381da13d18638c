import fc from 'fast-check';
import type { Registration } from '../../../src/domain/inputs.ts';
import { registrationDigest, registrationRounds } from '../../../src/worker/settle/registration-rounds.ts';
import { range } from '../../support/worker/intake-bench.ts';

const REGISTRATION: Registration = {
  kind: 'registration',
  batchId: 'batch-1',
  essayIds: ['a', 'b', 'c'],
  courseCode: 'ENG5',
  userId: 'user-1',
  orgId: 'org-1',
  classId: null,
  studentPromptRef: { references: { prompt: { storage_id: 's', path: 'p' } } },
  correlationId: 'c-1',
  traceparent: null,
};
const DIGEST = registrationDigest(REGISTRATION);

test('a digest is fixed: it is stored and compared with later ones', () => {
  expect(DIGEST).toBe('198dd97db62e9783ebd5ee44601650091eb28ba93b7a87f09ba4c6a493a7ceab');
});

test.each<[string, Partial<Registration>]>([
  ['the order of slots', { essayIds: ['c', 'a', 'b'] }],
  ['correlation', { correlationId: 'c-2' }],
  ['trace context', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }],
  ['the order of members', { studentPromptRef: { references: { prompt: { path: 'p', storage_id: 's' } } } }],
])('%s makes no difference', (_name, change) => {
  expect(registrationDigest({ ...REGISTRATION, ...change })).toBe(DIGEST);
});

test.each<[string, Partial<Registration>]>([
  ['another slot', { essayIds: ['a', 'b', 'd'] }],
  ['a slot less', { essayIds: ['a', 'b'] }],
  ['slots that read the same when joined', { essayIds: ['a', 'b,c'] }],
  ['another course', { courseCode: 'ENG6' }],
  ['another user', { userId: 'user-2' }],
  ['another organisation', { orgId: 'org-2' }],
  ['no organisation', { orgId: null }],
  ['an organisation named null', { orgId: 'null' }],
  ['organisation and class exchanged', { orgId: null, classId: 'org-1' }],
  ['another prompt', { studentPromptRef: { references: { prompt: { storage_id: 's2', path: 'p' } } } }],
  ['the prompt as a list', { studentPromptRef: [{ references: { prompt: { storage_id: 's', path: 'p' } } }] }],
  ['no prompt', { studentPromptRef: null }],
])('%s makes another digest', (_name, change) => {
  expect(registrationDigest({ ...REGISTRATION, ...change })).not.toBe(DIGEST);
});

test('building a digest does not reorder the registration', () => {
  const essayIds = ['c', 'a', 'b'];
  registrationDigest({ ...REGISTRATION, essayIds });
  expect(essayIds).toEqual(['c', 'a', 'b']);
});

describe('rounds', () => {
  const nobody = () => false;

  test('a stretch of the log that comes again takes no transaction of its own', () => {
    const stretch = range(0, 100).map((one) => ({
      ...REGISTRATION,
      batchId: `batch-${one}`,
      essayIds: range(0, 20).map((position) => `essay-${one}-${position}`),
    }));
    const twice = [...stretch, ...stretch.toReversed()];
    const { transactions, repeats } = registrationRounds(twice, nobody);
    expect(transactions.map(({ length }) => length)).toEqual([100]);
    expect(repeats).toEqual(
      range(0, 100)
        .map((one) => ({ index: 199 - one, first: one }))
        .reverse(),
    );
  });

  test('who meets somebody waits for him, and nobody else does', () => {
    const one = { ...REGISTRATION, batchId: 'one', essayIds: ['a'] };
    const contradicting = { ...one, courseCode: 'another' };
    const taking = { ...REGISTRATION, batchId: 'two', essayIds: ['b', 'a'] };
    const other = { ...REGISTRATION, batchId: 'three', essayIds: ['c'] };
    const { transactions } = registrationRounds([one, contradicting, taking, other, one], nobody);
    expect(transactions.map((records) => records.map(({ index }) => index))).toEqual([[0, 3], [1], [2]]);
  });

  const registration = fc.record({
    batchId: fc.constantFrom('b1', 'b2', 'b3', 'b4', 'b5', 'b6'),
    essayIds: fc.uniqueArray(fc.integer({ min: 0, max: 40 }).map(String), { minLength: 1, maxLength: 3 }),
    courseCode: fc.constantFrom('c1', 'c2'),
  });

  test('everything has its place once, in its order, with nobody it meets', () => {
    const given = fc.tuple(
      fc.array(registration, { maxLength: 25 }),
      fc.subarray(['b1', 'b2', 'b3']),
      fc.constantFrom(1, 700),
    );
    fc.assert(
      fc.property(given, ([some, alone, copies]) => {
        const asked = some.map((each) => ({
          ...REGISTRATION,
          ...each,
          essayIds: each.essayIds.flatMap((id) => range(0, copies).map((copy) => `${id}/${copy}`)),
        }));
        const { transactions, repeats } = registrationRounds(asked, (batchId) => alone.includes(batchId));
        const placed = transactions.flat().map(({ index }) => index);
        expect([...placed, ...repeats.map(({ index }) => index)].sort((a, b) => a - b)).toEqual(range(0, asked.length));
        for (const { index, first } of repeats) {
          expect(first).toBeLessThan(index);
          expect(asked[index]).toEqual({ ...asked[first], essayIds: asked[index]?.essayIds });
          expect(placed).toContain(first);
        }
        for (const records of transactions) {
          const names = records.flatMap(({ registration: { batchId, essayIds } }) => [batchId, ...essayIds]);
          expect(new Set(names).size).toBe(names.length);
          const slotCount = records.reduce((sum, record) => sum + record.registration.essayIds.length, 0);
          expect(records.length === 1 || slotCount <= 2_000).toBe(true);
          expect(records.length === 1 || records.every((each) => !alone.includes(each.registration.batchId))).toBe(
            true,
          );
        }
        const meet = (one: Registration, two: Registration) =>
          one.batchId === two.batchId || one.essayIds.some((id) => two.essayIds.includes(id));
        const place = new Map(transactions.flatMap((records, at) => records.map(({ index }) => [index, at] as const)));
        for (const [later, one] of asked.entries()) {
          for (const [earlier, two] of asked.slice(0, later).entries()) {
            const [from, to] = [place.get(earlier), place.get(later)];
            if (from !== undefined && to !== undefined && meet(two, one)) expect(from).toBeLessThan(to);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
