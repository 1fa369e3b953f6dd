import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Publishes change events to Freshet's topics: one record per commit, in either mode of CloudEvents. CloudEvents as
 * JSON, one a line, on standard input; one line on standard output for each that Kafka has.
 */
public class Publisher {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The Kafka record of an event, by the Kafka binding of CloudEvents; its key is the entity's id. */
  static ProducerRecord<byte[], byte[]> record(String topic, JsonNode event, boolean structured) throws Exception {
    byte[] key = event.path("subject").asText().getBytes(UTF_8);
    JsonNode value = structured ? event : event.path("data");
    var record = new ProducerRecord<byte[], byte[]>(topic, null, key, JSON.writeValueAsBytes(value));
    String type = structured ? "application/cloudevents+json" : "application/json";
    record.headers().add("content-type", type.getBytes(UTF_8));
    if (!structured)
      event.properties().forEach(field -> {
        if (!field.getKey().equals("data"))
          record.headers().add("ce_" + field.getKey(), field.getValue().asText().getBytes(UTF_8));
      });
    return record;
  }

  public static void main(String[] args) throws Exception {
    if (args.length < 2 || args.length > 4) {
      System.err.println("usage: Publisher <brokers> <topic> [structured|binary] [seconds that Kafka may take]");
      System.exit(2);
    }
    boolean structured = args.length < 3 || args[2].equals("structured");
    int timeoutMs = args.length < 4 ? 30_000 : (int) (Double.parseDouble(args[3]) * 1_000);
    // The defaults of Java's client are what Freshet needs: murmur2 of the key, acks=all, an idempotent producer.
    Map<String, Object> settings = Map.of(
        "bootstrap.servers", args[0],
        "delivery.timeout.ms", timeoutMs,
        "request.timeout.ms", Math.min(timeoutMs, 10_000),
        "max.block.ms", timeoutMs, // for the topic's partitions, before the first record
        "linger.ms", 0);
    var events = new ArrayList<JsonNode>();
    var input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine())
      if (!line.isBlank()) events.add(JSON.readTree(line));
    var bytes = new ByteArraySerializer();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = new KafkaProducer<>(settings, bytes, bytes)) {
      for (JsonNode event : events) sent.add(producer.send(record(args[1], event, structured)));
      for (int index = 0; index < sent.size(); index++) {
        RecordMetadata place = sent.get(index).get();
        System.out.println(events.get(index).path("id").asText() + " " + place.partition() + " " + place.offset());
      }
    } catch (ExecutionException | KafkaException error) {
      // What is not acknowledged is published again: twice does no harm, not at all leaves old values cached.
      Throwable why = error instanceof ExecutionException ? error.getCause() : error;
      System.err.println("not every event is in " + args[1] + ": " + why.getMessage()
          + ". Check that the broker answers and that the topic exists, then publish again.");
      System.exit(1);
    }
  }
}
