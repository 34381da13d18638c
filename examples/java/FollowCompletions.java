import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A consumer of completions in Java: prints each batch that is complete, once, with the event's JSON.
 *
 * Events come at least once; a copy has the same `event_id`. The id, the type and the version of an event are headers as
 * well, so copies and what is foreign are dropped without looking into the value. Here the ids are remembered in memory; a service that must not do its work twice writes the id
 * into its database, in the transaction that does the work.
 */
public final class FollowCompletions {
    private static final String TOPIC = "huleedu.batch.content.provisioning.completed.v1";
    private static final String SCHEMA_VERSION = "1";
    private static final int REMEMBERED_MAX = 100_000;
    private static final Duration POLL_MAX = Duration.ofMillis(500);

    private static final String HELP = """
            Prints each batch that is complete, once.

            Environment: KAFKA_BROKERS (host:port, comma-separated), TOPIC_PREFIX (as the workers have it, default none),
            GROUP (consumer group, default follow-completions-example-java). Ends in order on SIGINT and SIGTERM.
            """;

    /** Whether the loop ended because it was asked to; a failure keeps its own exit code. */
    private static volatile boolean hasEndedAsAsked = false;

    public static void main(String[] args) {
        if (List.of(args).contains("--help")) {
            System.out.print(HELP);
            return;
        }
        String brokers = System.getenv("KAFKA_BROKERS");
        if (brokers == null || brokers.isEmpty()) {
            System.err.println("KAFKA_BROKERS is not set");
            System.exit(2);
        }
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings(brokers));
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try {
                main.join();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            // After a signal the JVM would end with 128 + its number, which looks like a kill; this end was in order.
            if (hasEndedAsAsked) Runtime.getRuntime().halt(0);
        }));
        follow(consumer, env("TOPIC_PREFIX", "") + TOPIC);
    }

    private static void follow(KafkaConsumer<String, String> consumer, String topic) {
        Map<String, Boolean> seen = new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
                return size() > REMEMBERED_MAX;
            }
        };
        boolean isReady = false;
        try (consumer) {
            consumer.subscribe(List.of(topic));
            while (true) {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL_MAX)) {
                    handle(record, seen);
                }
                // After the records were dealt with: a crash before means that they come again.
                consumer.commitSync();
                if (!isReady && !consumer.assignment().isEmpty()) {
                    isReady = true;
                    System.err.println("ready");
                }
            }
        } catch (WakeupException asked) {
            // Closing the consumer has left the consumer group.
            hasEndedAsAsked = true;
        }
    }

    private static void handle(ConsumerRecord<String, String> record, Map<String, Boolean> seen) {
        String eventId = text(record.headers(), "event_id");
        boolean isOurs = TOPIC.equals(text(record.headers(), "event_type"))
                && SCHEMA_VERSION.equals(text(record.headers(), "schema_version"));
        if (eventId == null || !isOurs) {
            System.err.println("passed over offset " + record.offset() + ": not an event of the contract");
            return;
        }
        if (seen.put(eventId, true) == null) {
            System.out.println("complete " + record.key() + " " + record.value());
        }
    }

    private static String text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8);
    }

    private static Properties settings(String brokers) {
        Properties settings = new Properties();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(ConsumerConfig.GROUP_ID_CONFIG, env("GROUP", "follow-completions-example-java"));
        settings.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        settings.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return settings;
    }

    private static String env(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    private FollowCompletions() {}
}
