import { benchCommand, readRequest } from '../../../distributed/bench/bench-command.ts';
import { chooseContestants, unknownNames } from '../../../distributed/bench/contestants/choose.ts';

const around = { root: '/checkout', logFolder: '/logs', signal: new AbortController().signal };
const release = { root: '/release', commit: 'c', name: '0.1.0' };
const needs = {
  release: async () => release,
  newerNode: async () => Promise.reject(new Error('no Node 22 here')),
};

function request(...args: string[]) {
  return readRequest(benchCommand().parse(args, { from: 'user' }).opts());
}

describe('who takes part', () => {
  test('everybody, the release beside this build, each with one worker and with three', async () => {
    const { contestants } = await chooseContestants([], around, {
      ...needs,
      newerNode: async () => ({ path: 'n', version: '22' }),
    });
    const names = contestants.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['claim-500', 'per-event', 'pg-boss', 'graphile-worker', 'bullmq']));
    expect(names.slice(-4)).toEqual(['release', 'release-x3', 'build', 'build-x3']);
  });

  test('what cannot run here is left out with its reason', async () => {
    const { contestants, leftOut } = await chooseContestants(['pg-boss', 'bullmq'], around, needs);
    expect(contestants.map(({ name }) => name)).toEqual(['bullmq']);
    expect(leftOut).toEqual([{ name: 'pg-boss', reason: 'no Node 22 here' }]);
  });

  test('a release is built only for who needs it', async () => {
    const never = { ...needs, release: async () => Promise.reject(new Error('built')) };
    expect((await chooseContestants(['build'], around, never)).leftOut).toEqual([]);
  });

  test('a name that nobody has is found', () => {
    expect(unknownNames(['build', 'bild'], around)).toEqual(['bild']);
  });
});

describe('the command line', () => {
  test('measures the same backlog three times for all by default, a small one and peers once when quick', () => {
    expect(request()).toMatchObject({ repeats: 3, peerRepeats: 3, backlog: { batches: 1_000, slots: 20 }, only: [] });
    expect(request('--quick')).toMatchObject({ repeats: 3, peerRepeats: 1, backlog: { batches: 100, slots: 20 } });
    expect(request('--only', 'build, release', '--batches', '7')).toMatchObject({
      only: ['build', 'release'],
      backlog: { batches: 7 },
    });
  });
});
