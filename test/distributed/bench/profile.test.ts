import { timeByCategory } from '../../../distributed/bench/profile.ts';

const nodes = [
  { id: 1, callFrame: { functionName: '(idle)', url: '' } },
  { id: 2, callFrame: { functionName: '(garbage collector)', url: '' } },
  { id: 3, callFrame: { functionName: 'encode', url: 'file:///x/node_modules/kafkajs/src/protocol/encoder.js' } },
  { id: 4, callFrame: { functionName: 'parse', url: 'file:///x/node_modules/pg-protocol/dist/parser.js' } },
];

test('a profile is told by what the time was for, without idling and what lies outside the drain', () => {
  const samples = [3, 1, 2, 4, 4, 3];
  const timeDeltas = [1_000, 5_000, 1_000, 1_000, 2_000, 9_000];
  const text = JSON.stringify({ nodes, samples, timeDeltas, startTime: 10_000 });
  const [pg, gc, ...others] = timeByCategory(text, { fromUs: 12_000, toUs: 20_000 });
  expect(pg).toEqual({ category: 'pg client', seconds: 0.003, share: 0.75 });
  expect(gc).toEqual({ category: 'garbage collection', seconds: 0.001, share: 0.25 });
  expect(others).toEqual([]);
});
