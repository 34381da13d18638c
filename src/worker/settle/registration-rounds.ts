/**
 * Divides registrations into transactions of bounded size, as few as their order allows. Two that meet (the same batch
 * id, or the same essay) come in different transactions in their order: compared within one statement neither would see
 * the other, and both would fail for ever. Everybody else does not wait for them. The same registration again is a
 * repeat, and takes no transaction: deliveries repeat whole stretches of a log. One that was in the way before comes
 * alone.
 */
import { createHash } from 'node:crypto';
import type { RegistrationRecord } from '../../domain/batch-store.ts';
import type { Registration } from '../../domain/inputs.ts';

/** Bounds the size and the lock time of one registration transaction. */
const SLOTS_PER_TRANSACTION_MAX = 2_000;

export interface IndexedRecord extends RegistrationRecord {
  /** Among the registrations that were asked about. */
  readonly index: number;
}

export interface Registering {
  /** Each after the one before it. */
  readonly transactions: readonly (readonly IndexedRecord[])[];
  /** Registrations that came before in the same call, and where that first one stands. */
  readonly repeats: readonly { readonly index: number; readonly first: number }[];
}

export function registrationRounds(
  registrations: readonly Registration[],
  isAlone: (batchId: string) => boolean,
): Registering {
  const firsts = new Map<string, number>();
  const repeats: { index: number; first: number }[] = [];
  const rounds: IndexedRecord[][] = [];
  /** The round after the last one that names the batch, or the essay. */
  const batchFreeFrom = new Map<string, number>();
  const essayFreeFrom = new Map<string, number>();
  for (const [index, registration] of registrations.entries()) {
    const digest = registrationDigest(registration);
    const identity = `${digest} ${registration.batchId}`;
    const first = firsts.get(identity);
    if (first !== undefined) {
      repeats.push({ index, first });
      continue;
    }
    firsts.set(identity, index);
    const { batchId, essayIds } = registration;
    let round = batchFreeFrom.get(batchId) ?? 0;
    for (const essayId of essayIds) round = Math.max(round, essayFreeFrom.get(essayId) ?? 0);
    batchFreeFrom.set(batchId, round + 1);
    for (const essayId of essayIds) essayFreeFrom.set(essayId, round + 1);
    rounds[round] ??= [];
    rounds[round]?.push({ index, registration, digest });
  }
  return { transactions: rounds.flatMap((round) => pieces(round, isAlone)), repeats };
}

function pieces(round: readonly IndexedRecord[], isAlone: (batchId: string) => boolean): IndexedRecord[][] {
  const together: IndexedRecord[][] = [];
  const alone: IndexedRecord[][] = [];
  let slotCount = Number.POSITIVE_INFINITY;
  for (const record of round) {
    const { batchId, essayIds } = record.registration;
    if (isAlone(batchId)) {
      alone.push([record]);
      continue;
    }
    slotCount += essayIds.length;
    if (slotCount > SLOTS_PER_TRANSACTION_MAX) {
      together.push([]);
      slotCount = essayIds.length;
    }
    together.at(-1)?.push(record);
  }
  return [...together, ...alone];
}

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
