/** A dead letter says where its record lay and nothing of what it said. Caught by I10. */
import { KafkaMessagePublisher } from '../../src/kafka/message-publisher.ts';
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  alter(container) {
    const publisher = container.resolve(KafkaMessagePublisher);
    const publish = publisher.publishDeadLetters.bind(publisher);
    publisher.publishDeadLetters = (letters) =>
      publish(letters.map((letter) => ({ ...letter, record: { ...letter.record, value: Buffer.from('{}') } })));
  },
});
