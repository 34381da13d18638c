import { deadLetterTopic, topicsFor } from '../../src/contract/topics.ts';
import { type Judged, judgeTopics, rolesOf } from '../../src/kafka/topic-judgement.ts';

const topics = topicsFor('');
const letters = deadLetterTopic(topics.content);
const names = [...rolesOf(topics).keys()];

interface World {
  readonly brokers?: number;
  readonly replicas?: number;
  readonly topic?: string;
  readonly settings?: Record<string, string>;
}

/** All is well but for what is said of one topic. */
function judge({ brokers = 3, replicas = 3, topic, settings = {} }: World) {
  const wellSet = (name: string): Record<string, string> => ({
    'cleanup.policy': 'delete',
    'max.message.bytes': name === topics.completed || name.endsWith('.DLQ') ? '8388608' : '1048588',
    'min.insync.replicas': replicas >= 3 ? '2' : '1',
    'retention.bytes': '-1',
    'retention.ms': name.endsWith('.DLQ') ? '-1' : '604800000',
  });
  const judged: Judged = {
    topics,
    inboundPartitionsMin: 1,
    slotsMax: 10_000,
    cluster: {
      brokerCount: brokers,
      topics: names.map((name) => ({
        topic: name,
        errorCode: 0,
        partitions: [{ leader: 1, replicas: Array.from({ length: replicas }, (_, index) => index) }],
        mayRead: true,
        mayWrite: true,
      })),
    },
    settings: new Map(
      names.map((name) => [name, new Map(Object.entries({ ...wellSet(name), ...(name === topic && settings) }))]),
    ),
  };
  return judgeTopics(judged);
}

describe('topics', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [5, 3],
  ])('on %d brokers with %d replicas are well', (brokers, replicas) => {
    expect(judge({ brokers, replicas })).toEqual({ problems: [], warnings: [] });
  });

  test.each([
    [2, 1, '1 of 2'],
    [3, 1, '1 of 3'],
    [3, 2, '2 of 3'],
    [9, 2, '2 of 3'],
  ])('on %d brokers with %d replicas are unwise, each of them', (brokers, replicas, text) => {
    const { problems, warnings } = judge({ brokers, replicas });
    expect([problems, warnings.length]).toEqual([[], 9]);
    expect(warnings[0]).toContain(text);
  });

  const REFUSED: [string, string, Record<string, string>][] = [
    ['an input that is compacted', topics.content, { 'cleanup.policy': 'compact' }],
    ['an input that is compacted and deleted', topics.content, { 'cleanup.policy': 'compact,delete' }],
    ['dead letters that are compacted', letters, { 'cleanup.policy': 'compact' }],
    ['an output that takes no write', topics.completed, { 'min.insync.replicas': '4' }],
    ['dead letters that take no write', letters, { 'min.insync.replicas': '4' }],
    ['completions that do not fit', topics.completed, { 'max.message.bytes': '1000' }],
    ['dead letters that do not fit', letters, { 'max.message.bytes': '1048588' }],
  ];
  test.each(REFUSED)('%s keep a worker from starting', (_what, topic, settings) => {
    const { problems, warnings } = judge({ topic, settings });
    expect([problems, warnings]).toEqual([[expect.stringContaining(`topic ${topic} `)], []]);
  });

  const UNWISE: [string, string, Record<string, string>][] = [
    ['one replica that acknowledges', topics.completed, { 'min.insync.replicas': '1' }],
    ['all replicas that must acknowledge', topics.content, { 'min.insync.replicas': '3' }],
    ['an output that is compacted', topics.slotAssigned, { 'cleanup.policy': 'compact' }],
    ['dead letters that go after a week', letters, { 'retention.ms': '604800000' }],
    ['dead letters that go with their number', letters, { 'retention.bytes': '1000000' }],
    ['inputs that go after an hour', topics.content, { 'retention.ms': '3600000' }],
    ['inputs that go with their number', topics.failure, { 'retention.bytes': '1000000' }],
  ];
  test.each(UNWISE)('%s are told and no more', (_what, topic, settings) => {
    const { problems, warnings } = judge({ topic, settings });
    expect([problems, warnings]).toEqual([[], [expect.stringContaining(`topic ${topic} has `)]]);
  });
});
