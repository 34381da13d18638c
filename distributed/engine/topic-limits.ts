import kafkajs, { type Kafka } from 'kafkajs';
import { deadLetterTopic } from '../../src/contract/topics.ts';
import { withAdmin } from '../cluster/kafka-client.ts';
import type { Sandbox } from '../cluster/product.ts';

/** What a dead letter has beyond its record: headers of its own. */
const LETTER_BYTES = 100_000;

/** Raises the largest message of all topics of a sandbox; in dead-letter topics there is room for the reason as well. */
export async function allowLargeMessages(kafka: Kafka, sandbox: Sandbox, bytesMax: number): Promise<void> {
  const letters = new Set(sandbox.inbound.map(deadLetterTopic));
  const sizeOf = (topic: string) => (letters.has(topic) ? bytesMax + LETTER_BYTES : bytesMax);
  await withAdmin(kafka, async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(sandbox.addresses.topicPrefix));
    await admin.alterConfigs({
      validateOnly: false,
      resources: topics.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configEntries: [{ name: 'max.message.bytes', value: String(sizeOf(name)) }],
      })),
    });
  });
}
