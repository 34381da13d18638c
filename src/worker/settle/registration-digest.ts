import { createHash } from 'node:crypto';
import type { Registration } from '../../domain/inputs.ts';

/**
 * Two registrations with the same digest ask for the same thing: the same set of slots for the same course, people
 * and prompt. The order of slots, correlation and trace context make no difference, neither does the order of
 * members within the prompt reference.
 */
export function registrationDigest(registration: Registration): string {
  const asked = [
    [...registration.essayIds].sort(),
    registration.courseCode,
    registration.userId,
    registration.orgId,
    registration.classId,
    registration.studentPromptRef,
  ];
  return createHash('sha256').update(canonicalJson(asked)).digest('hex');
}

/** JSON with the members of every object in one order. Depth is bounded by the decoder. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}
