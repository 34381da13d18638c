/** What cannot be processed is dropped. Caught by I3. */
import { KafkaMessagePublisher } from '../../src/kafka/message-publisher.ts';
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  alter(container) {
    container.resolve(KafkaMessagePublisher).publishDeadLetters = async () => undefined;
  },
});
