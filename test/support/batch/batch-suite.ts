/**
 * What every system of batches does, the model and the product alike: each sentence of the rules as an example, here,
 * and what holds for arbitrary inputs as a property.
 */
import { describeProperties } from './batch-properties.ts';
import { type BatchSnapshot, type BatchSystem, kindsOf } from './batch-system.ts';
import { content, contents, failure, registration } from './sample-inputs.ts';

export function describeBatchSystem(
  name: string,
  options: { readonly system: () => BatchSystem; readonly propertyRuns: number; readonly propertyMsMax: number },
): void {
  describe(name, () => {
    beforeEach(() => options.system().reset());
    describeRegistrations(options.system);
    describeContents(options.system);
    describeFailures(options.system);
    describeEarlyInputs(options.system);
    describeProperties(options);
  });
}

function describeRegistrations(system: () => BatchSystem): void {
  test('a registration opens its slots in the order given', async () => {
    const given = registration('b', 3, { essayIds: ['z', 'a', 'm'] });
    expect(await system().apply([given])).toEqual(['registered']);
    expect((await only(system())).slots.map(({ essayId }) => essayId)).toEqual(['z', 'a', 'm']);
    await system().apply([content('b', 'one')]);
    await system().apply([content('b', 'two')]);
    const texts = (await only(system())).slots.map(({ textStorageId }) => textStorageId);
    expect(texts).toEqual(['one', 'two', null]);
  });

  test('an identical registration changes nothing, whatever its order and correlation', async () => {
    const first = registration('b', 2);
    await system().apply([first, content('b', 'x')]);
    const before = await system().snapshot();
    const repeat = { ...first, essayIds: [...first.essayIds].reverse(), correlationId: 'another' };
    expect(await system().apply([repeat])).toEqual(['duplicate']);
    expect(await system().snapshot()).toEqual(before);
  });

  test.each([
    ['other slots', { essayIds: ['b-e0', 'other'] }],
    ['fewer slots', { essayIds: ['b-e0'] }],
    ['another course', { courseCode: 'ENG6' }],
    ['another user', { userId: 'somebody' }],
    ['another organisation', { orgId: 'org' }],
    ['another class', { classId: 'class' }],
    ['another prompt', { studentPromptRef: { references: { prompt: 1 } } }],
  ])('a registration with %s is rejected and the first one stands', async (_, fields) => {
    await system().apply([registration('b', 2)]);
    const before = await system().snapshot();
    expect(await system().apply([registration('b', 2, fields)])).toEqual(['rejected']);
    expect(await system().snapshot()).toEqual(before);
  });

  test('a registration that asks for a slot of another batch is rejected', async () => {
    await system().apply([registration('a', 2)]);
    const thief = registration('b', 2, { essayIds: ['new', 'a-e1'] });
    expect(await system().apply([thief])).toEqual(['rejected']);
    // Nothing waits for it, so nothing of it is kept.
    expect((await system().snapshot()).batches.map(({ batchId }) => batchId)).toEqual(['a']);
    await system().apply([content('b', 'x')]);
    expect(await system().apply([thief])).toEqual(['rejected']);
    expect((await system().snapshot()).batches.map(({ state }) => state)).toEqual(['open', 'announced']);
    expect(await system().apply([registration('b', 2)])).toEqual(['registered']);
  });

  test('of two registrations in one group that ask for the same slot, the first gets it', async () => {
    const [first, second] = [registration('b', 2), registration('a', 2, { essayIds: ['b-e1', 'a-e1'] })];
    expect(await system().apply([first, second])).toEqual(['registered', 'rejected']);
  });
}

function describeContents(system: () => BatchSystem): void {
  test('contents fill the slots in order, the last one completes the batch, later ones are excess', async () => {
    await system().apply([registration('b', 2)]);
    expect(await system().apply([content('b', 'x')])).toEqual(['assigned']);
    expect((await only(system())).state).toBe('open');
    expect(await system().apply([content('b', 'y')])).toEqual(['assigned']);
    expect(await system().apply([content('b', 'z')])).toEqual(['excess']);
    expect(await only(system())).toMatchObject({
      state: 'complete',
      openCount: 0,
      filledCount: 2,
      version: 2,
      excess: ['z'],
    });
    expect(kindsOf(await system().snapshot())).toEqual(['slot-assigned', 'slot-assigned', 'completed', 'excess']);
  });

  test('a completion lists the filled slots by position and carries the registration', async () => {
    await system().apply([registration('b', 2, { courseCode: 'SV1', userId: 'u', correlationId: 'r' })]);
    await system().apply([content('b', 'x'), content('b', 'y')]);
    const { events } = await system().snapshot();
    expect(events.at(-1)).toEqual({
      kind: 'completed',
      batchId: 'b',
      correlationId: 'r',
      provisionedCount: 2,
      expectedCount: 2,
      courseCode: 'SV1',
      userId: 'u',
      essays: [
        { essayId: 'b-e0', textStorageId: 'x' },
        { essayId: 'b-e1', textStorageId: 'y' },
      ],
    });
  });

  test('a redelivered content keeps its slot and publishes nothing, whatever it is to the batch', async () => {
    const inputs = [content('b', 'x'), content('b', 'y'), content('b', 'z')];
    await system().apply([registration('b', 2), ...inputs]);
    const before = await system().snapshot();
    expect(await system().apply(inputs)).toEqual(['duplicate', 'duplicate', 'duplicate']);
    expect(await system().snapshot()).toEqual(before);
  });

  test('a text is known by its text id, from whichever upload it comes', async () => {
    await system().apply([registration('b', 2), content('b', 'x')]);
    expect(await system().apply([content('b', 'x', { fileUploadId: 'other' })])).toEqual(['duplicate']);
  });

  test('two texts of one upload take two slots', async () => {
    const [one, two] = [content('b', 'x', { fileUploadId: 'u' }), content('b', 'y', { fileUploadId: 'u' })];
    expect(await system().apply([registration('b', 2), one, two])).toEqual(['registered', 'assigned', 'assigned']);
  });

  test('the same text in two batches takes a slot in each', async () => {
    await system().apply([registration('a', 1), registration('b', 1)]);
    expect(await system().apply([content('a', 'x'), content('b', 'x')])).toEqual(['assigned', 'assigned']);
  });

  test('a text repeated within a group takes one slot', async () => {
    await system().apply([registration('b', 3)]);
    const group = [content('b', 'x'), content('b', 'y'), content('b', 'x')];
    expect(await system().apply(group)).toEqual(['assigned', 'assigned', 'duplicate']);
  });

  test('a group larger than its batch fills it and the rest is excess', async () => {
    await system().apply([registration('b', 15)]);
    const dispositions = await system().apply(contents('b', 30));
    expect(dispositions).toEqual([...Array(15).fill('assigned'), ...Array(15).fill('excess')]);
  });
}

function describeFailures(system: () => BatchSystem): void {
  test('a failure burns the lowest open slot and counts towards completion', async () => {
    await system().apply([registration('b', 2)]);
    expect(await system().apply([failure('b', 'f')])).toEqual(['failed']);
    expect(await system().apply([content('b', 'x')])).toEqual(['assigned']);
    const batch = await only(system());
    expect(batch).toMatchObject({ state: 'complete', failedCount: 1, filledCount: 1, version: 2 });
    expect(batch.slots.map(({ status }) => status)).toEqual(['failed', 'filled']);
    expect((await system().snapshot()).events.at(-1)).toMatchObject({
      kind: 'completed',
      provisionedCount: 1,
      expectedCount: 2,
      essays: [{ essayId: 'b-e1', textStorageId: 'x' }],
    });
  });

  test('a batch of which every file failed completes with no essay', async () => {
    await system().apply([registration('b', 2), failure('b', 'f'), failure('b', 'g')]);
    const completions = (await system().snapshot()).events;
    expect(completions).toMatchObject([{ kind: 'completed', provisionedCount: 0, expectedCount: 2, essays: [] }]);
  });

  test('a redelivered failure burns no second slot', async () => {
    await system().apply([registration('b', 3), failure('b', 'f')]);
    expect(await system().apply([failure('b', 'f'), failure('b', 'f')])).toEqual(['duplicate', 'duplicate']);
    expect(await only(system())).toMatchObject({ failedCount: 1, openCount: 2 });
  });

  test('a failure that finds the batch full is recorded and burns nothing', async () => {
    await system().apply([registration('b', 1), content('b', 'x')]);
    expect(await system().apply([failure('b', 'f')])).toEqual(['failed']);
    expect(await only(system())).toMatchObject({ failedCount: 0, failures: [{ fileUploadId: 'f', essayId: null }] });
    expect(await system().apply([failure('b', 'f')])).toEqual(['duplicate']);
  });

  test('a failure of an upload that has a slot is recorded and burns nothing', async () => {
    await system().apply([registration('b', 2)]);
    expect(await system().apply([content('b', 'x'), failure('b', 'x')])).toEqual(['assigned', 'failed']);
    expect(await only(system())).toMatchObject({ openCount: 1, failures: [{ fileUploadId: 'x', essayId: null }] });
  });

  test('a content whose upload failed is an ordinary content', async () => {
    await system().apply([registration('b', 2)]);
    expect(await system().apply([failure('b', 'x'), content('b', 'x')])).toEqual(['failed', 'assigned']);
    expect(await only(system())).toMatchObject({ state: 'complete', failedCount: 1, filledCount: 1 });
  });
}

function describeEarlyInputs(system: () => BatchSystem): void {
  test('inputs before the registration wait, then get slots in arrival order, and what is left over is excess', async () => {
    expect(await system().apply([content('b', 'late'), failure('b', 'f')])).toEqual(['pending', 'pending']);
    expect(await system().apply([content('b', 'a'), content('b', 'b')])).toEqual(['pending', 'pending']);
    expect((await only(system())).pending.map(({ identity }) => identity)).toEqual(['late', 'f', 'a', 'b']);
    expect(await system().apply([registration('b', 3)])).toEqual(['registered']);
    const batch = await only(system());
    expect(batch).toMatchObject({ state: 'complete', pending: [], excess: ['b'] });
    expect(batch.slots.map(({ fileUploadId }) => fileUploadId)).toEqual(['late', 'f', 'a']);
    const events = kindsOf(await system().snapshot());
    expect([...events].sort()).toEqual(['completed', 'excess', 'slot-assigned', 'slot-assigned']);
  });

  test('a repeat of a pending input is a duplicate, before and after the registration', async () => {
    await system().apply([content('b', 'x'), failure('b', 'f')]);
    expect(await system().apply([content('b', 'x'), failure('b', 'f')])).toEqual(['duplicate', 'duplicate']);
    await system().apply([registration('b', 5)]);
    expect(await system().apply([content('b', 'x'), failure('b', 'f')])).toEqual(['duplicate', 'duplicate']);
    expect(await only(system())).toMatchObject({ filledCount: 1, failedCount: 1, openCount: 3, pending: [] });
  });

  test('early failures and contents of one upload end as if they had come after the registration', async () => {
    await system().apply([content('b', 'x'), failure('b', 'x'), failure('b', 'y'), content('b', 'y')]);
    await system().apply([registration('b', 4)]);
    expect(await only(system())).toMatchObject({ filledCount: 2, failedCount: 1, openCount: 1 });
  });

  test('early failures alone can complete a batch', async () => {
    await system().apply([failure('b', 'f')]);
    await system().apply([registration('b', 1)]);
    expect(kindsOf(await system().snapshot())).toEqual(['completed']);
  });
}

async function only(system: BatchSystem): Promise<BatchSnapshot> {
  const { batches } = await system.snapshot();
  const [batch] = batches;
  if (batch === undefined || batches.length !== 1) throw new Error(`${batches.length} batches, one expected`);
  return batch;
}
