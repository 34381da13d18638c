import kafkajs, { type Kafka } from 'kafkajs';
import type { Place } from './place.ts';

/** Raises the largest message of all topics of a place, dead-letter topics included. */
export async function allowLargeMessages(kafka: Kafka, place: Place, bytesMax: number): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(place.addresses.topicPrefix));
    await admin.alterConfigs({
      validateOnly: false,
      resources: topics.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configEntries: [{ name: 'max.message.bytes', value: String(bytesMax) }],
      })),
    });
  } finally {
    await admin.disconnect();
  }
}
