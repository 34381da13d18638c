/** I1 and I9: a content has at most one place, ever. Nothing here relies on an index of the product. */
import type { Checker } from '../checker.ts';
import { problemOf } from '../counterexample.ts';
import { groupBy } from '../evidence/batch-evidence.ts';

export const contentTakesOneSlot: Checker = {
  id: 'I1',
  title: 'No content ever takes two slots',
  batch(batch, _run, answer) {
    const now = batch.filled.map((slot) => ({ content: slot.textStorageId ?? '', essayId: slot.essayId }));
    // What was there once and has been overwritten since counts as much as what is there now.
    const ever = batch.takings.flatMap(({ rowId, new: taken }) =>
      typeof taken?.['text_storage_id'] === 'string'
        ? [{ content: taken['text_storage_id'], essayId: rowId ?? '' }]
        : [],
    );
    // Counted once: a batch may have a hundred thousand.
    const filledWith = groupBy(now, (place) => place.content);
    for (const [content, places] of groupBy([...now, ...ever], (place) => place.content)) {
      const essayIds = [...new Set(places.map((place) => place.essayId))];
      const isRight = essayIds.length === 1 && (filledWith.get(content)?.length ?? 0) <= 1;
      answer.holds(isRight, () =>
        problemOf(batch, `content ${content} took the slots ${essayIds.join(' and ')}`, {
          identities: [content],
          essayIds,
        }),
      );
    }
  },
};

export const placesExclude: Checker = {
  id: 'I9',
  title: 'No content has a slot and is excess or pending as well',
  batch(batch, _run, answer) {
    const places = [
      ...batch.filled.map((slot) => ({ content: slot.textStorageId ?? '', place: 'in a slot' })),
      ...batch.excess.map((row) => ({ content: row.textStorageId, place: 'excess' })),
      ...batch.pending.flatMap((row) => (row.kind === 'content' ? [{ content: row.identity, place: 'pending' }] : [])),
    ];
    for (const [content, found] of groupBy(places, (place) => place.content)) {
      const kinds = [...new Set(found.map(({ place }) => place))];
      answer.holds(kinds.length === 1, () =>
        problemOf(batch, `content ${content} is ${kinds.join(' and ')}`, { identities: [content] }),
      );
    }
  },
};
