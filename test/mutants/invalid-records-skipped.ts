import { KafkaMessagePublisher } from '../../src/kafka/message-publisher.ts';
import { runMutant } from '../support/worker/mutant-worker.ts';

/** M16: what cannot be processed is dropped. Violates I3. */
void runMutant({
  alter(container) {
    container.resolve(KafkaMessagePublisher).publishDeadLetters = async () => undefined;
  },
});
