import type { Admin, ITopicConfig } from 'kafkajs';
import { waitFor } from '../wait-for.ts';

/** Creates a topic and waits until brokers know its leaders; kafkajs's own wait fails on a broker that has not heard yet. */
export async function createTopic(admin: Admin, topic: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [topic], waitForLeaders: false });
  const isLed = async () => {
    const { topics } = await admin.fetchTopicMetadata();
    return topics.some(({ name, partitions }) => name === topic.topic && partitions.every(({ leader }) => leader >= 0));
  };
  await waitFor(isLed, { deadlineMs: 20_000, what: `leaders of ${topic.topic}` });
}
