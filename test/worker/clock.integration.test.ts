/**
 * The wall clock of a worker is set back or ahead: it stays the member it is, what it commits reaches the broker, and
 * only the timestamps that people read move.
 */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { waitFor } from '../support/wait-for.ts';
import { WorkerFixture } from '../support/worker/worker-fixture.ts';

const STEP = pathToFileURL(resolve(__dirname, '../support/worker/clock-step.mjs')).href;
const STEP_MS = 600_000;
/** Longer than the fixture's session of six seconds and the broker's look at it. */
const OBSERVED_MS = 9_000;

jest.setTimeout(120_000);

let fixture: WorkerFixture;
beforeEach(async () => {
  fixture = await WorkerFixture.open({ inboundPartitions: 2 });
});
afterEach(() => fixture?.close());

async function memberIds(): Promise<string[]> {
  const admin = fixture.kafka.admin();
  await admin.connect();
  try {
    const { groups } = await admin.describeGroups([fixture.group]);
    return groups.flatMap(({ members }) => members.map(({ memberId }) => memberId));
  } finally {
    await admin.disconnect();
  }
}

test.each([
  ['back', -STEP_MS],
  ['ahead', STEP_MS],
])('a clock set ten minutes %s expels nobody and stops no commit', async (_where, stepMs) => {
  const worker = await fixture.launchReady('stepped', {
    env: { NODE_OPTIONS: `--import ${STEP}`, CLOCK_STEP_MS: `${stepMs}` },
  });
  await fixture.send([fixture.inputs.registration('before', 1), fixture.inputs.content('before', 'a')]);
  await fixture.settled();
  const members = await memberIds();
  expect(members).toHaveLength(1);
  const generations = await worker.metric('els_rebalances_total');

  worker.kill('SIGUSR2');
  await worker.printed('clock set');
  const untilMs = performance.now() + OBSERVED_MS;
  await waitFor(
    async () => {
      expect(await memberIds()).toEqual(members);
      return performance.now() > untilMs;
    },
    { deadlineMs: OBSERVED_MS * 2, what: 'more than a session' },
  );
  await fixture.send([fixture.inputs.registration('after', 1), fixture.inputs.content('after', 'b')]);
  await fixture.settled();
  expect(await fixture.count(`batches where state = 'complete'`)).toBe(2);
  expect(await memberIds()).toEqual(members);
  expect(await worker.metric('els_rebalances_total')).toBe(generations);
  expect((await worker.stop()).code).toBe(0);
});
