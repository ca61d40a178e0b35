// The collector's work as a Kafka Streams topology: requests meet three responses each, or their deadline.
//
// The processor API, as whoever needs a deadline has to use it: a store of what is open, a punctuation by the wall clock
// each millisecond, and what was decided is remembered for a while, so that a late response begins nothing anew.
// Usage: Meeting BROKERS REQUESTS RESPONSES RESULTS APPLICATION GUARANTEE COMMIT_MS DECIDE_AFTER_MS STATE_FOLDER
// Says "ready" when it serves, and ends when its standard input does.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public final class Meeting {
    private static final String OPEN = "open";
    private static final int EXECUTORS = 3;
    // How long what was decided is remembered: longer than this lags while it is cold, or a late response begins it anew.
    private static final long REMEMBERED_MS = 30_000;

    private static final byte[] PREDICTION = {'p'};
    private static final byte[] DEFAULT = {'d'};

    public static void main(String[] arguments) throws IOException {
        String brokers = arguments[0];
        String requests = arguments[1];
        String responses = arguments[2];
        String results = arguments[3];
        long decideAfter = Long.parseLong(arguments[7]);

        Topology topology = new Topology();
        topology.addSource("requests", requests);
        topology.addSource("responses", responses);
        topology.addProcessor("meet", () -> new Meet(requests, decideAfter), "requests", "responses");
        topology.addStateStore(
            Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(OPEN), Serdes.Bytes(), Serdes.ByteArray()), "meet");
        // A result goes where its request came from: a key's 16 bytes are partitioned as the asker did it.
        topology.addSink("results", results, (topic, key, value, count) -> partition((byte[]) key, count), "meet");

        KafkaStreams streams = new KafkaStreams(topology, settings(arguments));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                System.out.println("ready");
            }
        });
        streams.start();
        while (System.in.read() >= 0) {
            // Whoever started this says nothing; only the end of it matters.
        }
        streams.close(Duration.ofSeconds(5));
    }

    private static Properties settings(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[4]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[5]);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[6]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[8]);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        // A punctuation waits for the poll: by default a tenth of a second.
        settings.put(StreamsConfig.POLL_MS_CONFIG, 1);
        // Whichever record is there is taken: the topology does not mind the order, and waiting for it costs time.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, -1);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.producerPrefix("linger.ms"), 0);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "latest");
        return settings;
    }

    // wire/src/id.rs says the same.
    private static Optional<Set<Integer>> partition(byte[] key, int count) {
        long low = 0;
        for (int index = 8; index < 16; index++) {
            low = low << 8 | key[index] & 0xff;
        }
        return Optional.of(Set.of((int) ((low * 0x9E3779B97F4A7C15L >>> 33) % count)));
    }

    // One entry of the store: when it is to be decided, who was heard, and whether it was decided.
    private static byte[] entry(long due, int heard, boolean decided) {
        return ByteBuffer.allocate(10).putLong(due).put((byte) heard).put((byte) (decided ? 1 : 0)).array();
    }

    private record Due(long at, Bytes request) {}

    private static final class Meet implements Processor<byte[], byte[], byte[], byte[]> {
        private final String requests;
        private final long decideAfter;
        private final ArrayDeque<Due> due = new ArrayDeque<>();
        private final ArrayDeque<Due> remembered = new ArrayDeque<>();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<Bytes, byte[]> open;

        private Meet(String requests, long decideAfter) {
            this.requests = requests;
            this.decideAfter = decideAfter;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.open = context.getStateStore(OPEN);
            try (KeyValueIterator<Bytes, byte[]> all = open.all()) {
                all.forEachRemaining(held -> {
                    ByteBuffer entry = ByteBuffer.wrap(held.value);
                    due.add(new Due(entry.getLong(), held.key));
                });
            }
            context.schedule(Duration.ofMillis(1), PunctuationType.WALL_CLOCK_TIME, this::punctuate);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            Bytes request = Bytes.wrap(record.key());
            byte[] held = open.get(request);
            boolean isRequest = context.recordMetadata().orElseThrow().topic().equals(requests);
            int heard = isRequest ? 0 : 1 << record.value()[0];
            if (held == null) {
                // Whichever of the two is read first opens it; both topics are stamped by the broker.
                long at = record.timestamp() + decideAfter;
                open.put(request, entry(at, heard, false));
                due.add(new Due(at, request));
                return;
            }
            ByteBuffer entry = ByteBuffer.wrap(held);
            long at = entry.getLong();
            int all = entry.get() | heard;
            boolean decided = entry.get() != 0;
            if (decided || isRequest) {
                return;
            }
            if (Integer.bitCount(all) == EXECUTORS) {
                decide(request, at, PREDICTION);
            } else {
                open.put(request, entry(at, all, false));
            }
        }

        private void punctuate(long now) {
            while (!due.isEmpty() && due.peekFirst().at() <= now) {
                Bytes request = due.pollFirst().request();
                byte[] held = open.get(request);
                if (held != null && held[9] == 0) {
                    decide(request, now, DEFAULT);
                }
            }
            while (!remembered.isEmpty() && remembered.peekFirst().at() <= now) {
                open.delete(remembered.pollFirst().request());
            }
        }

        private void decide(Bytes request, long at, byte[] result) {
            open.put(request, entry(at, 0, true));
            remembered.add(new Due(System.currentTimeMillis() + REMEMBERED_MS, request));
            context.forward(new Record<>(request.get(), result, System.currentTimeMillis()));
        }
    }
}
