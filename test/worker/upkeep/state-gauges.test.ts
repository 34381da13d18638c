import type { TopicPartition } from '../../../src/domain/ports.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { showAssignment } from '../../../src/worker/upkeep/state-gauges.ts';

test('each scrape tells how many partitions of each topic are owned at that moment, 0 where none is', async () => {
  const metrics = new Metrics();
  let owned: TopicPartition[] = [];
  showAssignment({
    intake: { partitions: () => owned },
    topics: ['p.contents', 'p.failures'],
    topicLabel: (topic) => topic.slice(2),
    metrics,
  });
  const scraped = async () => {
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => line.startsWith('els_assigned_partitions'));
  };
  expect(await scraped()).toEqual([
    'els_assigned_partitions{topic="contents"} 0',
    'els_assigned_partitions{topic="failures"} 0',
  ]);
  owned = [
    { topic: 'p.contents', partition: 0 },
    { topic: 'p.contents', partition: 2 },
  ];
  expect((await scraped())[0]).toBe('els_assigned_partitions{topic="contents"} 2');
  owned = [];
  expect((await scraped())[0]).toBe('els_assigned_partitions{topic="contents"} 0');
});
