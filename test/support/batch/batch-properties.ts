/**
 * What holds of every system of batches for arbitrary inputs given one group after the other. fast-check prints seed and
 * path of a failure.
 */
import fc from 'fast-check';
import { anyInputs, dealt, orderFreeInputs } from './arbitrary-inputs.ts';
import { brokenInvariants } from './batch-invariants.ts';
import { type Answered, type BatchSystem, kindsOf, pairUp, type Snapshot } from './batch-system.ts';

export function describeProperties(options: {
  readonly system: () => BatchSystem;
  readonly propertyRuns: number;
  readonly propertyMsMax: number;
}): void {
  const parameters = { numRuns: options.propertyRuns };

  test(
    'any inputs in any groups keep every invariant, and giving them all again changes nothing',
    async () => {
      const property = fc.asyncProperty(dealt(anyInputs, 1), async ([lane = []]) => {
        const system = options.system();
        await system.reset();
        const answered: Answered[] = [];
        for (const group of lane) answered.push(...pairUp(group, await system.apply(group)));
        const after = await system.snapshot();
        expect(brokenInvariants(answered, after)).toEqual([]);
        const again = await system.apply(lane.flat());
        expect(again.filter((each) => each !== 'duplicate' && each !== 'rejected')).toEqual([]);
        expect(await system.snapshot()).toEqual(after);
      });
      await fc.assert(property, parameters);
    },
    options.propertyMsMax,
  );

  test(
    'contents and agreeing registrations in another order lead to the same counts and the same texts',
    async () => {
      const orders = orderFreeInputs.chain((inputs) =>
        fc.tuple(fc.constant(inputs), fc.shuffledSubarray(inputs, { minLength: inputs.length })),
      );
      const property = fc.asyncProperty(orders, async (pair) => {
        const [one, other] = [await outcomeOf(options.system(), pair[0]), await outcomeOf(options.system(), pair[1])];
        expect(other).toEqual(one);
      });
      await fc.assert(property, parameters);
    },
    options.propertyMsMax,
  );
}

async function outcomeOf(system: BatchSystem, inputs: Parameters<BatchSystem['apply']>[0]): Promise<unknown> {
  await system.reset();
  for (const input of inputs) await system.apply([input]);
  return orderFreeOutcome(await system.snapshot());
}

/** What no order of contents can change: how much of everything there is, and which texts have a place. */
export function orderFreeOutcome({ batches, events }: Snapshot): unknown {
  return {
    events: kindsOf({ events }).sort(),
    batches: batches.map((batch) => {
      const texts = [
        ...batch.slots.flatMap(({ textStorageId }) => (textStorageId === null ? [] : [textStorageId])),
        ...batch.pending.map(({ identity }) => identity),
        ...batch.excess,
      ];
      const { batchId, state, expectedCount, openCount, filledCount, failedCount, version, excess } = batch;
      const counts = { expectedCount, openCount, filledCount, failedCount, version, excessCount: excess.length };
      return { batchId, state, ...counts, texts: texts.sort() };
    }),
  };
}
