import type { Registration } from '../../../src/domain/inputs.ts';
import { registrationDigest } from '../../../src/worker/settle/register-batches.ts';

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
