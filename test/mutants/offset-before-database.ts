/** The offset is committed when a record arrives; what a killed worker held is gone. Caught by I3 or I11. */
import { KafkaRecordSource } from '../../src/kafka/record-source.ts';
import { Intake } from '../../src/worker/intake/intake.ts';
import { runMutant } from '../support/worker/mutant-worker.ts';

void runMutant({
  alter(container) {
    const source = container.resolve(KafkaRecordSource);
    const intake = container.resolve(Intake);
    const commit = source.commit.bind(source);
    source.commit = async () => undefined;
    const records = intake.records.bind(intake);
    intake.records = (epoch, batch) => {
      const last = batch.at(-1);
      records(epoch, batch);
      if (last === undefined) return;
      const { topic, partition, offset } = last;
      // Refused commits are the next delivery's business.
      commit(epoch, [{ topic, partition, offsetNext: offset + 1 }]).catch(() => undefined);
    };
  },
});
