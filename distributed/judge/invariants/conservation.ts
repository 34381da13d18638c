/**
 * I3, conservation: what was sent is somewhere, and what is somewhere was sent. The product keeps no ledger of records;
 * the fate of a record follows from where its identity is: a slot, excess, pending, a failure, a registered batch, or a
 * dead letter that names the record.
 */
import type { Answer, Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { type BatchEvidence, differenceOf } from '../evidence/batch-evidence.ts';
import { addressOf, askedOf, type JudgedInput, type LooseInput } from '../evidence/input-records.ts';
import { isUnprocessed, type RunEvidence } from '../evidence/run-evidence.ts';
import type { SliceEvidence } from '../evidence/slice-evidence.ts';

export const conservation: Checker = {
  id: 'I3',
  title: 'Every input has exactly one fate, and nothing has a place that was not sent',
  batch(batch, run, answer) {
    judgeSent(batch, run, answer);
    judgeInvented(batch, answer);
    judgeBurnt(batch, answer);
  },
  slice(slice, run, answer) {
    judgeLoose(slice, run, answer);
    judgeSetAside(slice, run, answer);
  },
  async run(run, answer) {
    for (const [origin, [letter]] of run.letters) {
      // Stands for records that nobody can read, the judge included.
      if (letter?.reason === 'undecodable_batch') continue;
      answer.holds(run.lettersFound.has(origin), () => ({
        message: `dead letter ${letter?.at} is about ${origin}, where no record lies`,
        records: [letter?.at ?? '', origin],
      }));
    }
  },
};

/** Where the record's identity is; null when it is nowhere. Used for committed offsets, too. */
export function fateOf(input: JudgedInput, batch: BatchEvidence, run: RunEvidence): string | null {
  if (run.letters.has(addressOf(input))) return 'rejected';
  return places(batch).get(identityOf(input)) ?? null;
}

function judgeSent(batch: BatchEvidence, run: RunEvidence, answer: Answer): void {
  const found = places(batch);
  for (const input of [...batch.registrations, ...batch.contents, ...batch.failures]) {
    if (run.letters.has(addressOf(input))) continue;
    const isRight = found.has(identityOf(input));
    if (!isRight && isUnprocessed(input, run)) {
      answer.doubt('records had not been processed when the run ended');
      continue;
    }
    answer.holds(isRight, () => {
      const what = input.kind === 'registration' ? 'is not what the batch is registered as' : 'is nowhere';
      const message = `${nameOf(input)} of ${addressOf(input)} is lost: it ${what}, and no dead letter names it`;
      return problemOf(batch, message, { identities: [rawIdentity(input)] });
    });
  }
}

function judgeInvented(batch: BatchEvidence, answer: Answer): void {
  const sent = new Set([...batch.registrations, ...batch.contents, ...batch.failures].map(identityOf));
  for (const [identity, place] of places(batch)) {
    const name = identity.startsWith('registration') ? 'a registration' : identity;
    answer.holds(sent.has(identity), () =>
      problemOf(batch, `${name} is ${place} and was never sent`, { identities: [identity.split(' ')[1] ?? ''] }),
    );
  }
}

/** A failure burns one slot or none, and no slot is burnt without one. */
function judgeBurnt(batch: BatchEvidence, answer: Answer): void {
  if (batch.slots.length === 0) return;
  const burnt = batch.slots.filter((slot) => slot.status === 'failed').map((slot) => slot.essayId);
  const burntBy = batch.failureRows.flatMap((row) => (row.essayId === null ? [] : [row.essayId]));
  const wrong = differenceOf(burntBy, burnt);
  answer.holds(wrong === null, () =>
    problemOf(batch, `the slots its failures burnt are not its burnt slots: ${wrong}`, {
      essayIds: [...burnt, ...burntBy],
    }),
  );
}

function judgeLoose(slice: SliceEvidence, run: RunEvidence, answer: Answer): void {
  for (const input of slice.loose) {
    if (input.kind === 'ignored') continue;
    const isRight = run.letters.has(addressOf(input));
    if (!isRight && isUnprocessed(input, run)) answer.doubt('records had not been processed when the run ended');
    else {
      answer.holds(isRight, () => ({
        message: `the record at ${addressOf(input)} is invalid (${input.why}) and no dead letter names it`,
        records: [addressOf(input)],
      }));
    }
  }
}

/**
 * Of valid records a registration may be refused, for something that stands against it, and what came early for a batch
 * that more came for than is kept.
 */
function judgeSetAside(slice: SliceEvidence, run: RunEvidence, answer: Answer): void {
  // A replay sets the same records aside again, some of them twice while its workers join: letters may repeat.
  const isReplayed = run.phases.some((phase) => phase.name === 'replay');
  for (const { input, letters } of slice.setAside) {
    const [letter] = letters;
    const fault = faultOfRefusal(input, slice, run, letter?.reason ?? '');
    answer.holds(fault === null && (run.isFaulty || isReplayed || letters.length === 1), () => ({
      message: `${addressOf(input)} was set aside as ${letter?.reason}: ${fault ?? `${letters.length} times`}`,
      ...('batchId' in input ? { batchId: input.batchId } : {}),
      records: [addressOf(input), ...letters.map(({ at }) => at)],
      timeline: [
        { wallMs: input.timestampMs, text: 'sent' },
        ...letters.map(({ at, timestampMs, reason }) => ({ wallMs: timestampMs, text: `${at}: ${reason}` })),
      ],
    }));
  }
}

function faultOfRefusal(
  input: JudgedInput | LooseInput,
  slice: SliceEvidence,
  run: RunEvidence,
  reason: string,
): string | null {
  if (!('batchId' in input)) return input.kind === 'invalid' ? null : `it should have been ignored (${input.why})`;
  const batch = slice.batches.get(input.batchId);
  if (input.kind !== 'registration' && reason === 'pending_full') {
    const sent = new Set([...(batch?.contents ?? []), ...(batch?.failures ?? [])].map(nameOf));
    return sent.size > run.limits.pendingPerBatchMax ? null : 'as many as came for its batch are kept';
  }
  if (input.kind !== 'registration' || reason !== 'conflicting_registration') return 'it is valid';
  const stored = batch === undefined ? null : storedRegistration(batch);
  if (stored !== null) return stored === input.asked ? 'the batch is registered just so' : null;
  const isTaken = input.essayIds.some((id) => (run.ownersOfRefused.get(id) ?? input.batchId) !== input.batchId);
  return isTaken ? null : 'nothing stands against it';
}

const placesOf = new WeakMap<BatchEvidence, ReadonlyMap<string, string>>();

/** Found once per batch: it is asked about every record, and a batch may have a hundred thousand. */
function places(batch: BatchEvidence): ReadonlyMap<string, string> {
  const known = placesOf.get(batch);
  if (known !== undefined) return known;
  const found = findPlaces(batch);
  placesOf.set(batch, found);
  return found;
}

function findPlaces(batch: BatchEvidence): Map<string, string> {
  const found = new Map<string, string>();
  const stored = storedRegistration(batch);
  if (stored !== null) found.set(`registration ${stored}`, 'registered');
  for (const slot of batch.filled) found.set(`content ${slot.textStorageId}`, `in slot ${slot.essayId}`);
  for (const row of batch.excess) found.set(`content ${row.textStorageId}`, 'excess');
  for (const row of batch.failureRows) found.set(`failure ${row.fileUploadId}`, 'a failure');
  for (const row of batch.pending) found.set(`${row.kind} ${row.identity}`, 'pending');
  return found;
}

/** What the batch is registered as, by its row and its slots. */
function storedRegistration(batch: BatchEvidence): string | null {
  if (batch.row === null || !batch.isRegistered) return null;
  return askedOf({ ...batch.row, essayIds: batch.slots.map((slot) => slot.essayId) });
}

function identityOf(input: JudgedInput): string {
  return input.kind === 'registration' ? `registration ${input.asked}` : `${input.kind} ${rawIdentity(input)}`;
}

function rawIdentity(input: JudgedInput): string {
  if (input.kind === 'registration') return '';
  return input.kind === 'content' ? input.textStorageId : input.fileUploadId;
}

function nameOf(input: JudgedInput): string {
  return `${input.kind} ${rawIdentity(input)}`.trim();
}
