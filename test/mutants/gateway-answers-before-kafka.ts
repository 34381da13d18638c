/** A gateway answers 202 and does not wait for Kafka. Caught by I21. */
import { RecordWriter } from '../../src/gateway/ingest/record-writer.ts';
import { runGatewayMutant } from '../support/worker/mutant-gateway.ts';

void runGatewayMutant((container) => {
  const writer = container.resolve(RecordWriter);
  const write = writer.write.bind(writer);
  writer.write = async (messages) => {
    write(messages).catch(() => undefined);
  };
});
