/**
 * A consumer of the three outputs: prints each event once, a line of JSON each. Copy it and put your own work in the
 * place of `print`. What it reads is described in docs/asyncapi.yaml.
 *
 * - Events come at least once. A copy has the same `event_id` and the same bytes, so whoever remembers the ids that it
 *   has dealt with can drop the copies. Here they are remembered in memory; a service that must not do its work twice
 *   writes the id into its database, in the transaction that does the work.
 * - A batch has one completion, with one `event_id`, however often it comes.
 * - An event that is not as expected is reported and passed over: it must not stop those behind it.
 */
import { parseArgs } from 'node:util';
import { type Consumer, Kafka, type KafkaMessage, logLevel } from 'kafkajs';

const TOPICS = [
  'huleedu.els.essay.slot.assigned.v1',
  'huleedu.els.excess.content.provisioned.v1',
  'huleedu.batch.content.provisioning.completed.v1',
] as const;
const SCHEMA_VERSION = 1;
const REMEMBERED_MAX = 100_000;

const HELP = `Prints slot assignments, excess contents and completions, each once.

Usage: follow-completions [--group NAME]

  --group NAME   consumer group (default follow-completions-example)
  --help         this text

Environment: KAFKA_BROKERS (host:port, comma-separated), TOPIC_PREFIX (as the workers have it, default none).
Ends in order on SIGINT and SIGTERM.
`;

interface Event {
  readonly event_id: string;
  readonly event_type: string;
  readonly data: { readonly batch_id: string };
}

const { values } = parseArgs({
  options: {
    group: { type: 'string', default: 'follow-completions-example' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await follow(values.group);

async function follow(groupId: string): Promise<void> {
  const brokers = process.env['KAFKA_BROKERS'];
  if (!brokers) throw new Error('KAFKA_BROKERS is not set');
  const prefix = process.env['TOPIC_PREFIX'] ?? '';
  const kafka = new Kafka({ clientId: 'follow-completions', brokers: brokers.split(','), logLevel: logLevel.ERROR });
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false });
  consumer.on(consumer.events.GROUP_JOIN, () => process.stderr.write('ready\n'));
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    // With `restart` kafkajs tries again by itself; without, this process must end rather than linger.
    if (!payload.restart) process.exit(1);
  });
  stopOnSignal(consumer);
  await consumer.connect();
  await consumer.subscribe({ topics: TOPICS.map((topic) => `${prefix}${topic}`), fromBeginning: true });
  const seen = new Set<string>();
  // The offset of a message is committed after this returns: a crash before means that it comes again.
  await consumer.run({
    eachMessage: async ({ topic, message }) => handle(topic.slice(prefix.length), message, seen),
  });
}

function handle(topic: string, message: KafkaMessage, seen: Set<string>): void {
  const event = parseEvent(topic, message);
  if (event === null) {
    process.stderr.write(`passed over ${topic} offset ${message.offset}: not an event of the contract\n`);
    return;
  }
  if (seen.has(event.event_id)) return;
  print(event);
  remember(event.event_id, seen);
}

/** The topic without its prefix is the type of its events. Fields that are added one day do no harm. */
function parseEvent(type: string, { value }: KafkaMessage): Event | null {
  try {
    const event: unknown = JSON.parse(value?.toString() ?? '');
    return isEvent(event, type) ? event : null;
  } catch {
    return null;
  }
}

function isEvent(event: unknown, wanted: string): event is Event {
  if (typeof event !== 'object' || event === null) return false;
  const { event_id: id, event_type: type, schema_version: version, data } = event as Record<string, unknown>;
  if (typeof id !== 'string' || type !== wanted || version !== SCHEMA_VERSION) return false;
  if (typeof data !== 'object' || data === null) return false;
  return typeof (data as Record<string, unknown>)['batch_id'] === 'string';
}

function print({ event_id, event_type, data }: Event): void {
  process.stdout.write(`${JSON.stringify({ event_id, event_type, ...data })}\n`);
}

/** The oldest are forgotten first: copies come soon after the original, if they come. */
function remember(eventId: string, seen: Set<string>): void {
  seen.add(eventId);
  const [oldest] = seen;
  if (seen.size > REMEMBERED_MAX && oldest !== undefined) seen.delete(oldest);
}

function stopOnSignal(consumer: Consumer): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // Leaves the consumer group, so that its partitions need not wait for the session to end.
      consumer.disconnect().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}
