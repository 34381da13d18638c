import fc from 'fast-check';
import { CLAIM_INPUTS_MAX } from '../../../src/domain/batch-store.ts';
import { type Input, identityOf, type SlotInput } from '../../../src/domain/inputs.ts';
import { claimRounds } from '../../../src/worker/settle/claim-rounds.ts';
import { anyInputs } from '../../support/batch/arbitrary-inputs.ts';
import { content, contents, failure } from '../../support/batch/sample-inputs.ts';

const slotInputs = anyInputs.map((inputs) =>
  inputs.filter((input: Input): input is SlotInput => input.kind !== 'registration'),
);
const identity = (input: SlotInput): string => `${input.kind} ${input.batchId} ${identityOf(input)}`;

describe('rounds', () => {
  test('every identity comes exactly once, by its first input', () => {
    const property = fc.property(slotInputs, (inputs) => {
      const placed = claimRounds(inputs).rounds.flat();
      const identities = inputs.map(identity);
      const firsts = identities.flatMap((each, index) => (identities.indexOf(each) === index ? [index] : []));
      expect(placed.map(({ index }) => index).sort((a, b) => a - b)).toEqual(firsts);
      for (const { input, index } of placed) expect(input).toBe(inputs[index]);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('whatever is in no round repeats an identity before it', () => {
    const property = fc.property(slotInputs, (inputs) => {
      const { rounds, repeats } = claimRounds(inputs);
      const all = [...rounds.flat().map(({ index }) => index), ...repeats.map(({ index }) => index)];
      expect(all.sort((a, b) => a - b)).toEqual(inputs.map((_, index) => index));
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('a failure comes in a later round than a content of its upload that came before it', () => {
    const property = fc.property(slotInputs, (inputs) => {
      const { rounds } = claimRounds(inputs);
      const roundOf = new Map(rounds.flatMap((round, number) => round.map(({ index }) => [index, number] as const)));
      inputs.forEach((later, index) => {
        if (later.kind !== 'failure') return;
        const mine = roundOf.get(index);
        inputs.slice(0, index).forEach((earlier, before) => {
          const theirs = roundOf.get(before);
          if (earlier.kind !== 'content' || mine === undefined || theirs === undefined) return;
          const sameUpload = earlier.batchId === later.batchId && earlier.fileUploadId === later.fileUploadId;
          if (sameUpload) expect(mine).toBeGreaterThan(theirs);
        });
      });
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('contents stay in the order given', () => {
    const property = fc.property(slotInputs, (inputs) => {
      const indexes = claimRounds(inputs)
        .rounds.flat()
        .flatMap(({ input, index }) => (input.kind === 'content' ? [index] : []));
      expect(indexes).toEqual([...indexes].sort((a, b) => a - b));
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('a failure before the content of its upload stays before it', () => {
    expect(claimRounds([failure('b', 'x'), content('b', 'x')]).rounds).toHaveLength(1);
  });

  test('no round is larger than one claim takes', () => {
    const sizes = claimRounds(contents('b', 2 * CLAIM_INPUTS_MAX + 1)).rounds.map((round) => round.length);
    expect(sizes).toEqual([CLAIM_INPUTS_MAX, CLAIM_INPUTS_MAX, 1]);
  });

  test('nothing gives no round', () => {
    expect(claimRounds([])).toEqual({ rounds: [], repeats: [] });
  });
});
