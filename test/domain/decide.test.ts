import type { BatchState, Claim } from '../../src/domain/batch-store.ts';
import { type Decision, decide } from '../../src/domain/decide.ts';
import { content, failure } from '../support/batch/sample-inputs.ts';

/** What an input meets that found no slot in an open batch. */
const NOTHING: Claim = {
  essayId: null,
  batchVersion: null,
  versionSeen: null,
  known: false,
  uploadAssigned: false,
  batchState: 'open',
  isCertain: false,
};
const SLOT = { essayId: 'e', batchVersion: 1, isCertain: true };

interface Row {
  readonly met: string;
  readonly claim: Partial<Claim>;
  /** Decisions on a content and a failure, by a statement that could not and one that could be certain of the batch. */
  readonly guess: readonly [Decision, Decision];
  readonly certain: readonly [Decision, Decision];
}

const both = (decision: Decision): [Decision, Decision] => [decision, decision];

const ROWS: readonly Row[] = [
  { met: 'a slot', claim: SLOT, guess: ['assigned', 'burnt'], certain: ['assigned', 'burnt'] },
  {
    met: 'the last slot',
    claim: { ...SLOT, batchState: 'complete' },
    guess: ['assigned', 'burnt'],
    certain: ['assigned', 'burnt'],
  },
  { met: 'itself', claim: { known: true }, guess: both('known'), certain: both('known') },
  {
    met: 'itself in a complete batch',
    claim: { known: true, batchState: 'complete' },
    guess: both('known'),
    certain: both('known'),
  },
  { met: 'no slot to be had', claim: {}, guess: both('busy'), certain: both('busy') },
  {
    met: 'a complete batch',
    claim: { batchState: 'complete' },
    guess: ['excess', 'unburnt'],
    certain: ['excess', 'unburnt'],
  },
  {
    met: 'an announced batch',
    claim: { batchState: 'announced' },
    guess: both('busy'),
    certain: both('pending'),
  },
  { met: 'no batch', claim: { batchState: null }, guess: both('absent'), certain: both('absent') },
];

describe('decide', () => {
  test.each(ROWS)('an input that met $met', ({ claim, guess, certain }) => {
    const decisions = (isCertain: boolean): Decision[] => {
      const met = { ...NOTHING, isCertain, ...claim };
      return [decide(content('b', 'x'), met), decide(failure('b', 'x'), met)];
    };
    expect(decisions(false)).toEqual(guess);
    expect(decisions(true)).toEqual(certain);
  });

  test.each<BatchState>(['open', 'complete'])(
    'a failure whose upload has a slot burns nothing, in a batch that is certainly %s',
    (batchState) => {
      const met = { ...NOTHING, uploadAssigned: true, batchState, isCertain: true };
      expect(decide(failure('b', 'x'), met)).toBe('unburnt');
    },
  );
});
