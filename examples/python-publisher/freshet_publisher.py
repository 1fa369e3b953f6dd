"""Publishes change events to Freshet's topics with confluent-kafka: one record per commit, in either mode of CloudEvents.

As a command: CloudEvents as JSON, one a line, on standard input; one line on standard output for each that Kafka has.
"""
import argparse
import json
import sys

from confluent_kafka import KafkaException, Producer

STRUCTURED, BINARY = "structured", "binary"


class NotPublished(Exception):
    """Kafka did not acknowledge an event: publish it again. Twice does no harm, not at all leaves old values cached."""


def settings(brokers, timeout_seconds=30):
    return {
        "bootstrap.servers": brokers,
        # Java's and kafkajs's choice of the partition; librdkafka's own is another, and breaks the order of an entity.
        "partitioner": "murmur2_random",
        # An acknowledged event is on every in-sync replica, and a retry puts no old version behind a new one.
        "enable.idempotence": True,
        "delivery.timeout.ms": int(timeout_seconds * 1000),
        "allow.auto.create.topics": False,
        "log_level": 0,  # what goes wrong is raised, not written to standard error
    }


class Publisher:
    def __init__(self, brokers, timeout_seconds=30, mode=STRUCTURED):
        self._producer = Producer(settings(brokers, timeout_seconds))
        self._timeout_seconds = timeout_seconds
        self._mode = mode

    def publish(self, topic, events):
        """Sends the events in their order and answers (partition, offset) of each once all are acknowledged."""
        places = [None] * len(events)
        failures = {}

        def delivered(index):
            def report(error, message):
                if error is None:
                    places[index] = (message.partition(), message.offset())
                else:
                    failures[index] = error.str()

            return report

        for index, event in enumerate(events):
            value, headers = record(event, self._mode)
            try:
                self._producer.produce(
                    topic, value, key=event["subject"], headers=headers, on_delivery=delivered(index)
                )
            except (BufferError, KafkaException) as error:  # the local queue is full, or the event too large for it
                failures[index] = str(error)
            self._producer.poll(0)  # calls the reports of those that are there already
        self._producer.flush(self._timeout_seconds + 5)
        for index, event in enumerate(events):
            if places[index] is None:
                why = failures.get(index, "no broker has acknowledged it in time")
                raise NotPublished(f"event {event['id']} of {event['subject']} is not in {topic}: {why}")
        return places


def record(event, mode):
    """The value and the headers of an event, by the Kafka binding of CloudEvents."""
    if mode == STRUCTURED:
        return json.dumps(event).encode(), {"content-type": "application/cloudevents+json"}
    attributes = {f"ce_{name}": str(value) for name, value in event.items() if name != "data"}
    return json.dumps(event["data"]).encode(), {"content-type": "application/json", **attributes}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--brokers", required=True)
    options.add_argument("--topic", required=True)
    options.add_argument("--mode", choices=[STRUCTURED, BINARY], default=STRUCTURED)
    options.add_argument("--timeout", type=float, default=30, help="seconds that Kafka may take to acknowledge")
    given = options.parse_args()
    events = [json.loads(line) for line in sys.stdin if line.strip()]
    try:
        places = Publisher(given.brokers, given.timeout, given.mode).publish(given.topic, events)
    except NotPublished as error:
        sys.exit(f"{error}. Check that the broker answers and that the topic exists, then publish again.")
    for event, (partition, offset) in zip(events, places):
        print(event["id"], partition, offset)


if __name__ == "__main__":
    main()
