/**
 * The product's use cases on PostgreSQL against the model: the same suite, the same answers to the same inputs one by
 * one, and, with three instances working at once, a final state that keeps every invariant and what order cannot change.
 */
import fc from 'fast-check';
import { isRetryable } from '../../src/errors.ts';
import { anyInputs, dealt, type Lane, orderFreeInputs } from '../support/batch/arbitrary-inputs.ts';
import { brokenInvariants } from '../support/batch/batch-invariants.ts';
import { BatchModel } from '../support/batch/batch-model.ts';
import { orderFreeOutcome } from '../support/batch/batch-properties.ts';
import { describeBatchSystem } from '../support/batch/batch-suite.ts';
import { type Answered, pairUp, type Snapshot, sortedEvents } from '../support/batch/batch-system.ts';
import { PostgresBatchSystem } from '../support/batch/postgres-batch-system.ts';
import { content, failure, registration } from '../support/batch/sample-inputs.ts';
import { counted } from '../support/servers/open-database.ts';
import { createTestDatabase } from '../support/servers/servers.ts';

jest.setTimeout(60_000);

const INSTANCE_COUNT = 3;
const LANES_PER_INSTANCE = 2;
const PROPERTY_MS_MAX = 120_000;
const ATTEMPTS_MAX = 5;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let system: PostgresBatchSystem;

beforeAll(async () => {
  database = await createTestDatabase();
  system = new PostgresBatchSystem(database.databaseUrl, INSTANCE_COUNT);
});

afterAll(async () => {
  await system.close();
  await database.drop();
});

describeBatchSystem('batches on PostgreSQL', {
  system: () => system,
  propertyRuns: 40,
  propertyMsMax: PROPERTY_MS_MAX,
});

describe('batches on PostgreSQL against the model', () => {
  test(
    'inputs one by one get the same answers, slots, counters and events',
    async () => {
      const property = fc.asyncProperty(anyInputs, async (inputs) => {
        const model = new BatchModel();
        await system.reset();
        for (const input of inputs) {
          const expected = await model.apply([input]);
          expect(await system.apply([input])).toEqual(expected);
        }
        expect(comparable(await system.snapshot())).toEqual(comparable(await model.snapshot()));
      });
      await fc.assert(property, { numRuns: 80 });
    },
    PROPERTY_MS_MAX,
  );

  test(
    'any inputs given to three instances at once keep every invariant, and giving them all again changes nothing',
    async () => {
      const property = fc.asyncProperty(dealt(anyInputs, INSTANCE_COUNT * LANES_PER_INSTANCE), async (lanes) => {
        await system.reset();
        const answered = await concurrently(lanes);
        const after = await system.snapshot();
        expect(brokenInvariants(answered, after)).toEqual([]);
        const again = await concurrently(lanes);
        const changed = again.filter(({ disposition }) => disposition !== 'duplicate' && disposition !== 'rejected');
        expect(changed).toEqual([]);
        expect(await system.snapshot()).toEqual(after);
      });
      await fc.assert(property, { numRuns: 100, endOnFailure: true });
      const conflicts = await sum((instance) => counted(instance.metrics.retries));
      const undecided = await sum((instance) => counted(instance.metrics.undecided));
      process.stdout.write(`properties at once: ${conflicts} conflicts, ${undecided} undecided looks\n`);
      expect(undecided).toBeGreaterThan(0);
    },
    PROPERTY_MS_MAX,
  );

  test(
    'contents and agreeing registrations given to three instances at once lead to what the model says',
    async () => {
      const lanes = dealt(orderFreeInputs, INSTANCE_COUNT * LANES_PER_INSTANCE);
      const property = fc.asyncProperty(lanes, async (dealtLanes) => {
        const model = new BatchModel();
        await system.reset();
        const answered = await concurrently(dealtLanes);
        for (const group of dealtLanes.flat()) await model.apply(group);
        const after = await system.snapshot();
        expect(brokenInvariants(answered, after)).toEqual([]);
        expect(orderFreeOutcome(after)).toEqual(orderFreeOutcome(await model.snapshot()));
      });
      await fc.assert(property, { numRuns: 100, endOnFailure: true });
    },
    PROPERTY_MS_MAX,
  );
});

test('an input is known once it has any place, and only within its batch and kind', async () => {
  await system.reset();
  await system.apply([registration('b', 2), content('b', 'x'), failure('b', 'f'), content('b', 'z')]);
  await system.apply([content('early', 'x'), failure('early', 'f')]);
  const asked = [
    content('b', 'x'),
    failure('b', 'f'),
    content('b', 'z'),
    content('early', 'x'),
    failure('early', 'f'),
    content('b', 'f'),
    failure('b', 'x'),
    content('early', 'f'),
    failure('early', 'x'),
    content('nowhere', 'x'),
  ];
  const known = await system.instances[0]?.store.known(asked);
  expect(known).toEqual([...Array(5).fill(true), ...Array(5).fill(false)]);
});

/** Each lane its groups in order, all lanes at once; a group that must wait is given again, as the worker does it. */
async function concurrently(lanes: readonly Lane[]): Promise<Answered[]> {
  const results = await Promise.all(
    lanes.map(async (lane, index) => {
      const answered: Answered[] = [];
      for (const group of lane) answered.push(...(await applied(group, index % INSTANCE_COUNT)));
      return answered;
    }),
  );
  return results.flat();
}

async function applied(group: Lane[number], instance: number): Promise<Answered[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return pairUp(group, await system.apply(group, instance));
    } catch (error) {
      if (!isRetryable(error) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** Within one transaction the product publishes completions last; their order is not promised. */
function comparable(snapshot: Snapshot): Snapshot {
  return { ...snapshot, events: sortedEvents(snapshot.events) };
}

async function sum(count: (instance: PostgresBatchSystem['instances'][number]) => Promise<number>): Promise<number> {
  const counts = await Promise.all(system.instances.map(count));
  return counts.reduce((total, each) => total + each, 0);
}
