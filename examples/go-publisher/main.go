// Publishes change events to Freshet's topics with franz-go: one record per commit, in either mode of CloudEvents.
// CloudEvents as JSON, one a line, on standard input; one line on standard output for each that Kafka has.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// record makes the Kafka record of an event, by the Kafka binding of CloudEvents.
func record(topic, mode string, line []byte) (*kgo.Record, string, error) {
	var event map[string]json.RawMessage
	if err := json.Unmarshal(line, &event); err != nil {
		return nil, "", err
	}
	attributes := map[string]string{}
	for name, raw := range event {
		var text string
		if name == "data" {
			continue
		}
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		attributes[name] = text
	}
	key := []byte(attributes["subject"])
	if mode == "structured" {
		headers := []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}}
		return &kgo.Record{Topic: topic, Key: key, Value: line, Headers: headers}, attributes["id"], nil
	}
	headers := []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/json")}}
	for name, text := range attributes {
		headers = append(headers, kgo.RecordHeader{Key: "ce_" + name, Value: []byte(text)})
	}
	return &kgo.Record{Topic: topic, Key: key, Value: event["data"], Headers: headers}, attributes["id"], nil
}

func run() error {
	brokers := flag.String("brokers", "", "host:port, separated by commas")
	topic := flag.String("topic", "", "the event's topic")
	mode := flag.String("mode", "structured", "structured or binary")
	timeout := flag.Float64("timeout", 30, "seconds that Kafka may take to acknowledge")
	flag.Parse()
	if *mode != "structured" && *mode != "binary" {
		return fmt.Errorf("--mode must be structured or binary")
	}
	bound := time.Duration(*timeout * float64(time.Second))
	// franz-go's defaults are what Freshet needs: acks from all in-sync replicas, an idempotent producer, and of a
	// record with a key the partition that Java's client chooses (murmur2).
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(*brokers, ",")...),
		kgo.RecordDeliveryTimeout(bound),
		kgo.UnknownTopicRetries(1),
	)
	if err != nil {
		return err
	}
	defer client.Close()

	var records []*kgo.Record
	var ids []string
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		if strings.TrimSpace(input.Text()) == "" {
			continue
		}
		one, id, err := record(*topic, *mode, []byte(input.Text()))
		if err != nil {
			return fmt.Errorf("line %d of the input is no event: %w", len(records)+1, err)
		}
		records, ids = append(records, one), append(ids, id)
	}
	if err := input.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	// What is not acknowledged is published again: twice does no harm, not at all leaves old values cached.
	for index, result := range client.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return fmt.Errorf("event %s is not in %s: %w. Check that the broker answers and that the topic exists, then publish again", ids[index], *topic, result.Err)
		}
	}
	for index, sent := range records {
		fmt.Println(ids[index], sent.Partition, sent.Offset)
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
