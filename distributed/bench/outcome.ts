/**
 * Whether a drain did what it was for: every text in exactly one slot of its batch, every slot told by exactly one event
 * that says the same, every batch complete and announced exactly once with exactly its slots. Pure.
 */
import { EVENT_TYPES } from '../../src/contract/topics.ts';

/** A text somewhere: of a backlog, in a table or in an event. */
export interface Placement {
  readonly batchId: string;
  readonly textStorageId: string;
  readonly essayId: string;
}

export interface Expected {
  readonly texts: readonly Pick<Placement, 'batchId' | 'textStorageId'>[];
  readonly batchIds: readonly string[];
}

export interface Found {
  /** Filled slots. */
  readonly slots: readonly Placement[];
  readonly completeBatchIds: readonly string[];
  /** Values of the records that were written, as they lie in Kafka. */
  readonly events: readonly string[];
}

interface Event {
  readonly event_type: string;
  readonly data: {
    readonly batch_id: string;
    readonly essay_id: string;
    readonly text_storage_id: string;
    readonly essays_for_processing: readonly { readonly essay_id: string; readonly text_storage_id: string }[];
  };
}

export function judgeOutcome(expected: Expected, found: Found): string[] {
  const events = found.events.map((value) => JSON.parse(value) as Event);
  const ofType = (type: string) => events.filter(({ event_type }) => event_type === type).map(({ data }) => data);
  const texts = expected.texts.map(placeOf);
  const filled = found.slots.map((slot) => `${placeOf(slot)} in ${slot.essayId}`);
  const told = ofType(EVENT_TYPES.slotAssigned).map((data) => `${placeOf(inEvent(data))} in ${data.essay_id}`);
  const completions = ofType(EVENT_TYPES.completed);
  const listed = completions.flatMap(({ batch_id, essays_for_processing }) =>
    essays_for_processing.map(
      ({ essay_id, text_storage_id }) => `${placeOf(inEvent({ batch_id, text_storage_id }))} in ${essay_id}`,
    ),
  );
  return [
    ...differences('text in a slot', texts, found.slots.map(placeOf)),
    ...differences(
      'slot with a text',
      [...new Set(filled.map((each) => each.split(' in ')[1] ?? ''))],
      found.slots.map(({ essayId }) => essayId),
    ),
    ...differences('event of a slot', filled, told),
    ...differences('complete batch', expected.batchIds, found.completeBatchIds),
    ...differences(
      'completion',
      expected.batchIds,
      completions.map(({ batch_id }) => batch_id),
    ),
    ...differences('slot in a completion', filled, listed),
    ...differences(
      'excess',
      [],
      ofType(EVENT_TYPES.excess).map(({ batch_id }) => batch_id),
    ),
  ];
}

/** How often each is there against once each. */
function differences(what: string, wanted: readonly string[], got: readonly string[]): string[] {
  const counts = new Map<string, number>(wanted.map((each) => [each, 0]));
  const foreign = got.filter((each) => !counts.has(each));
  for (const each of got) {
    const count = counts.get(each);
    if (count !== undefined) counts.set(each, count + 1);
  }
  const missing = [...counts].filter(([, count]) => count === 0).map(([each]) => each);
  const doubled = [...counts].filter(([, count]) => count > 1).map(([each]) => each);
  return [
    ...sentence(`${what} missing`, missing),
    ...sentence(`${what} more than once`, doubled),
    ...sentence(`${what} that should not be`, foreign),
  ];
}

function sentence(what: string, which: readonly string[]): string[] {
  return which.length === 0 ? [] : [`${what}: ${which.length}, the first ${which[0]}`];
}

function placeOf({ batchId, textStorageId }: Pick<Placement, 'batchId' | 'textStorageId'>): string {
  return `${textStorageId} of ${batchId}`;
}

function inEvent(data: { readonly batch_id: string; readonly text_storage_id: string }) {
  return { batchId: data.batch_id, textStorageId: data.text_storage_id };
}
