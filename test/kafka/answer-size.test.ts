import { AnswerSize } from '../../src/kafka/answer-size.ts';

const KIB = 1024;

test('answers grow while they are quick, and shrink while they are slow, within their limits', () => {
  const size = new AnswerSize(1024 * KIB);
  expect(size.partitionBytesMax).toBe(64 * KIB);
  size.answered(20);
  size.answered(20);
  expect(size.partitionBytesMax).toBe(256 * KIB);
  // An idle broker answers after a while, which says nothing of the line.
  size.answered(1000);
  expect(size.partitionBytesMax).toBe(256 * KIB);
  for (let answer = 0; answer < 5; answer += 1) size.answered(20);
  expect(size.partitionBytesMax).toBe(1024 * KIB);
  size.answered(3000);
  expect(size.partitionBytesMax).toBe(512 * KIB);
  for (let answer = 0; answer < 5; answer += 1) size.answered(3000);
  expect(size.partitionBytesMax).toBe(64 * KIB);
});

test('nothing is asked for beyond a limit that is lower still', () => {
  const size = new AnswerSize(32 * KIB);
  size.answered(20);
  expect(size.partitionBytesMax).toBe(32 * KIB);
  size.answered(3000);
  expect(size.partitionBytesMax).toBe(32 * KIB);
});
