/** Every publication gives its event a new id. Caught by I4. */
import { randomUUID } from 'node:crypto';
import { v5 } from 'uuid';
import { KafkaMessagePublisher } from '../../src/kafka/message-publisher.ts';
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  alter(container) {
    const publisher = container.resolve(KafkaMessagePublisher);
    const publish = publisher.publish.bind(publisher);
    publisher.publish = (destination, messages) =>
      publish(
        destination,
        messages.map((message) => {
          const eventId = v5(randomUUID(), v5.URL);
          const value = message.value.replace(/"event_id":"[^"]+"/, `"event_id":"${eventId}"`);
          return { ...message, value, headers: { ...message.headers, event_id: eventId } };
        }),
      );
  },
});
