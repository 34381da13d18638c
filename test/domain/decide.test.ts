import type { BatchState, Claim } from '../../src/domain/batch-store.ts';
import { type Decision, decide } from '../../src/domain/decide.ts';
import { content, failure } from '../support/batch/sample-inputs.ts';

/** What an input meets that found no slot in an open batch. */
const NOTHING: Claim = {
  essayId: null,
  batchVersion: null,
  known: false,
  uploadAssigned: false,
  batchState: 'open',
  completedHere: false,
  openSlots: 1,
};
const SLOT = { essayId: 'e', batchVersion: 1 };

interface Row {
  readonly met: string;
  readonly claim: Partial<Claim>;
  /** Decisions on a content and a failure, after a look without and with the batch row locked. */
  readonly guess: readonly [Decision, Decision];
  readonly certain: readonly [Decision, Decision];
}

const both = (decision: Decision): [Decision, Decision] => [decision, decision];

const ROWS: readonly Row[] = [
  { met: 'a slot', claim: SLOT, guess: ['assigned', 'burnt'], certain: ['assigned', 'burnt'] },
  {
    met: 'the last slot',
    claim: { ...SLOT, batchState: 'complete', completedHere: true, openSlots: 0 },
    guess: ['assigned', 'burnt'],
    certain: ['assigned', 'burnt'],
  },
  { met: 'itself', claim: { known: true }, guess: both('known'), certain: both('known') },
  {
    met: 'itself in a complete batch',
    claim: { known: true, batchState: 'complete', openSlots: 0 },
    guess: both('known'),
    certain: both('known'),
  },
  { met: 'no slot to be had', claim: {}, guess: both('undecided'), certain: both('undecided') },
  {
    met: 'a batch that was complete before',
    claim: { batchState: 'complete', openSlots: 0 },
    guess: ['excess', 'unburnt'],
    certain: ['excess', 'unburnt'],
  },
  {
    met: 'a batch that this claim completed',
    claim: { batchState: 'complete', completedHere: true, openSlots: 0 },
    guess: both('undecided'),
    certain: ['excess', 'unburnt'],
  },
  {
    met: 'an announced batch',
    claim: { batchState: 'announced', openSlots: 0 },
    guess: both('undecided'),
    certain: both('pending'),
  },
  {
    met: 'no batch',
    claim: { batchState: null, openSlots: 0 },
    guess: both('undecided'),
    certain: both('undecided'),
  },
];

describe('decide', () => {
  test.each(ROWS)('an input that met $met', ({ claim, guess, certain }) => {
    const met = { ...NOTHING, ...claim };
    const decisions = (sure: boolean): Decision[] => [
      decide(content('b', 'x'), met, sure),
      decide(failure('b', 'x'), met, sure),
    ];
    expect(decisions(false)).toEqual(guess);
    expect(decisions(true)).toEqual(certain);
  });

  test.each<BatchState>(['announced', 'open', 'complete'])(
    'a failure whose upload has a slot burns nothing, in a batch that is %s',
    (batchState) => {
      const met = { ...NOTHING, uploadAssigned: true, batchState };
      expect([decide(failure('b', 'x'), met, false), decide(failure('b', 'x'), met, true)]).toEqual(both('unburnt'));
    },
  );
});
