/**
 * What must hold of the final state whatever the interleaving was (guarantees G1 to G6 of ARCHITECTURE.md). Decided from the
 * inputs with their answers, the tables and the events alone; nothing here knows how the product works.
 */
import { type Content, identityOf, type SlotInput } from '../../../src/domain/inputs.ts';
import type { Answered, BatchSnapshot, PublishedEvent, Snapshot } from './batch-system.ts';

/** One sentence per violation; empty when all is well. */
export function brokenInvariants(answered: readonly Answered[], snapshot: Snapshot): string[] {
  const known = new Set(snapshot.batches.map(({ batchId }) => batchId));
  // Of a refused registration nothing is kept.
  const strangers = answered.filter(
    ({ input, disposition }) => disposition !== 'rejected' && !known.has(input.batchId),
  );
  return [
    ...strangers.map(({ input, disposition }) => `${disposition} ${input.kind} of ${input.batchId}, which is unknown`),
    ...repeated(snapshot.batches.flatMap((batch) => batch.slots.map(({ essayId }) => essayId))).map(
      (essayId) => `slot ${essayId} is there twice`,
    ),
    ...snapshot.batches.flatMap((batch) => {
      const inputs = answered.filter(({ input }) => input.batchId === batch.batchId);
      const events = snapshot.events.filter(({ batchId }) => batchId === batch.batchId);
      const problems = [
        ...slotProblems(batch),
        ...counterProblems(batch),
        ...stateProblems(batch),
        ...conservationProblems(inputs, batch),
        ...eventProblems(batch, events),
      ];
      return problems.map((problem) => `${batch.batchId}: ${problem}`);
    }),
  ];
}

/** G1, G2: a text has one slot, a slot one taker. */
function slotProblems({ slots, failures }: BatchSnapshot): string[] {
  const filled = slots.filter(({ status }) => status === 'filled');
  const burnt = slots.filter(({ status }) => status === 'failed').map(({ essayId }) => essayId);
  const burning = failures.flatMap(({ essayId }) => (essayId === null ? [] : [essayId]));
  return [
    ...repeated(filled.map(({ textStorageId }) => `${textStorageId}`)).map((text) => `${text} fills two slots`),
    ...repeated(burning).map((essayId) => `${essayId} is burnt twice`),
    ...differences('burnt slots', burnt, 'slots of failures', burning),
  ];
}

function counterProblems({ slots, ...batch }: BatchSnapshot): string[] {
  const count = (status: string): number => slots.filter((slot) => slot.status === status).length;
  const versions = slots.flatMap(({ version }) => (version === null ? [] : [version])).sort((a, b) => a - b);
  const problems: string[] = [];
  if (batch.expectedCount !== slots.length) problems.push(`expects ${batch.expectedCount} of ${slots.length} slots`);
  if (batch.openCount !== count('open')) problems.push(`counts ${batch.openCount} open, has ${count('open')}`);
  if (batch.filledCount !== count('filled'))
    problems.push(`counts ${batch.filledCount} filled, has ${count('filled')}`);
  if (batch.failedCount !== count('failed'))
    problems.push(`counts ${batch.failedCount} failed, has ${count('failed')}`);
  if (batch.version !== versions.length)
    problems.push(`is at version ${batch.version} after ${versions.length} changes`);
  if (versions.some((version, index) => version !== index + 1)) problems.push(`has versions ${versions.join(' ')}`);
  return problems;
}

/** G4 (state), G5, G6. */
function stateProblems({ state, openCount, slots, pending, excess, failures }: BatchSnapshot): string[] {
  const problems: string[] = [];
  if (state !== 'announced' && pending.length > 0) problems.push(`${pending.length} pending behind the registration`);
  if (state === 'announced' && slots.length + excess.length + failures.length > 0)
    problems.push('settled, unregistered');
  if (state !== 'complete' && excess.length > 0) problems.push(`${excess.length} excess, ${openCount} slots open`);
  if (state !== 'announced' && (state === 'complete') !== (openCount === 0)) {
    problems.push(`${state} with ${openCount} open slots`);
  }
  return problems;
}

/** G3: every identity has one place, which some input asked for, and exactly one of its inputs was told so. */
function conservationProblems(answered: readonly Answered[], batch: BatchSnapshot): string[] {
  const problems: string[] = [];
  const places = placesOf(batch);
  const byIdentity = new Map<string, { input: SlotInput; disposition: string }[]>();
  for (const { input, disposition } of answered) {
    if (input.kind === 'registration') continue;
    const key = `${input.kind} ${identityOf(input)}`;
    byIdentity.set(key, [...(byIdentity.get(key) ?? []), { input, disposition }]);
  }
  for (const [key, inputs] of byIdentity) {
    const place = places.get(key) ?? [];
    if (place.length !== 1) problems.push(`${key} is in ${place.length} places: ${place.join(', ')}`);
    const first = inputs.map(({ disposition }) => disposition).filter((disposition) => disposition !== 'duplicate');
    if (first.length !== 1) problems.push(`${key} was told ${first.join(', ') || 'duplicate only'}`);
    else if (first[0] !== 'pending' && first[0] !== place[0])
      problems.push(`${key} was told ${first[0]}, is ${place[0]}`);
  }
  for (const key of places.keys()) if (!byIdentity.has(key)) problems.push(`${key} was never given`);
  const registered = answered.filter(({ disposition }) => disposition === 'registered').length;
  if (registered !== (batch.state === 'announced' ? 0 : 1)) problems.push(`${registered} times registered`);
  const texts = answered.map(({ input }) => input).filter((input): input is Content => input.kind === 'content');
  for (const { status, textStorageId, fileUploadId } of batch.slots) {
    if (status !== 'filled') continue;
    const given = texts.some((each) => each.textStorageId === textStorageId && each.fileUploadId === fileUploadId);
    if (!given) problems.push(`text ${textStorageId} never came with upload ${fileUploadId}`);
  }
  return problems;
}

function placesOf({ slots, pending, excess, failures }: BatchSnapshot): Map<string, string[]> {
  const places = new Map<string, string[]>();
  const put = (key: string, place: string): void => {
    places.set(key, [...(places.get(key) ?? []), place]);
  };
  for (const slot of slots) if (slot.status === 'filled') put(`content ${slot.textStorageId}`, 'assigned');
  for (const text of excess) put(`content ${text}`, 'excess');
  for (const { fileUploadId } of failures) put(`failure ${fileUploadId}`, 'failed');
  for (const { kind, identity } of pending) put(`${kind} ${identity}`, 'pending');
  return places;
}

/** G4 (events): one event per filled slot and per excess content, one completion per full batch, after all of them. */
function eventProblems(batch: BatchSnapshot, events: readonly PublishedEvent[]): string[] {
  const filled = batch.slots.filter(({ status }) => status === 'filled');
  const assigned = events.filter((event) => event.kind === 'slot-assigned');
  const completed = events.filter((event) => event.kind === 'completed');
  const slotLine = ({ essayId, textStorageId, fileUploadId, originalFileName }: (typeof assigned)[number]): string =>
    [essayId, textStorageId, fileUploadId, originalFileName].join(' ');
  const problems = [
    ...differences(
      'filled slots',
      filled.map((slot) => slotLine(slot as never)),
      'events',
      assigned.map(slotLine),
    ),
    ...differences(
      'excess contents',
      batch.excess,
      'events',
      events.flatMap((event) => (event.kind === 'excess' ? [event.textStorageId] : [])),
    ),
  ];
  const due = batch.state === 'complete' ? 1 : 0;
  if (completed.length !== due) problems.push(`${completed.length} completions, ${due} due`);
  for (const completion of completed) {
    const listed = completion.essays.map(({ essayId, textStorageId }) => `${essayId} ${textStorageId}`).join(', ');
    const wanted = filled.map(({ essayId, textStorageId }) => `${essayId} ${textStorageId}`).join(', ');
    if (listed !== wanted) problems.push(`completion lists ${listed}; filled are ${wanted}`);
    if (completion.provisionedCount !== filled.length)
      problems.push(`completion counts ${completion.provisionedCount}`);
    if (completion.expectedCount !== batch.slots.length)
      problems.push(`completion expects ${completion.expectedCount}`);
  }
  const lastAssigned = events.findLastIndex((event) => event.kind === 'slot-assigned');
  const firstCompleted = events.findIndex((event) => event.kind === 'completed');
  if (firstCompleted >= 0 && firstCompleted < lastAssigned) problems.push('completion before the last assignment');
  return problems;
}

function repeated(values: readonly string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

function differences(nameA: string, a: readonly string[], nameB: string, b: readonly string[]): string[] {
  const [one, other] = [[...a].sort().join(', '), [...b].sort().join(', ')];
  return one === other ? [] : [`${nameA} are (${one}), ${nameB} are (${other})`];
}
