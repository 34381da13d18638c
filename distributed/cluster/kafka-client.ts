import { Kafka, logLevel } from 'kafkajs';

/** A silent client of the judge's own: what goes wrong arrives as an error, not as a log line between the progress. */
export function kafkaClient(brokers: readonly string[], clientId: string): Kafka {
  return new Kafka({ brokers: [...brokers], clientId, logLevel: logLevel.NOTHING });
}
