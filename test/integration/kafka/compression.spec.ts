// Publishers of other clients compress as they like; kafkajs itself reads only gzip.
import { type ExecFileException, execFile } from "node:child_process";
import { RecordReader } from "@freshet/kafka";
import kafkajs from "kafkajs";
import { describe, expect, inject, test } from "vitest";
import { consoleProducerArgs, missingKafkaTools } from "../../support/kafka-tools.ts";
import { findPython } from "../../support/python.ts";
import { freshTopic } from "../../support/topics.ts";
import { publish, SpecConsumer, testKafka } from "./support.ts";

const packing = ["gzip", "snappy", "lz4", "zstd"];
const codecs = ["none", ...packing];
/** Of several blocks in every codec: the largest unit of one is zstd's, of 128 KiB. */
const lines = Array.from({ length: 400 }, (_, n) => `${n} ${JSON.stringify({ n, text: "é".repeat(n * 3) })}`);

type Send = (topic: string) => Promise<void>;
type Client = { readonly codecs: readonly string[]; readonly send: Send } | { readonly missing: string };

const script = `
import sys
from confluent_kafka import Producer
brokers, topic, codecs = sys.argv[1:]
lines = sys.stdin.read().splitlines()
for codec in codecs.split(","):
    producer = Producer({"bootstrap.servers": brokers, "compression.type": codec, "linger.ms": 500, "batch.num.messages": len(lines)})
    for line in lines: producer.produce(topic, key=codec, value=f"{codec} {line}")
    if producer.flush(30): sys.exit("not everything was sent")
`;

function pythonClient(): Client {
  const python = findPython("python-publisher", "confluent_kafka");
  if ("missing" in python) return python;
  const input = lines.join("\n");
  return {
    codecs,
    send: (topic) => run("python3", ["-c", script, ...argsFor(topic)], input, { PYTHONPATH: python.path }),
  };
}

function javaClient(): Client {
  const missing = missingKafkaTools();
  if (missing !== undefined) return { missing };
  return {
    codecs: packing, // each takes a JVM of its own
    send: async (topic) => {
      for (const codec of packing) {
        const input = lines.map((line) => `${codec} ${line}\n`).join("");
        await run("java", consoleProducerArgs(inject("kafkaBrokers"), topic, codec), input);
      }
    },
  };
}

function argsFor(topic: string): string[] {
  return [inject("kafkaBrokers").join(","), topic, codecs.join(",")];
}

async function run(
  command: string,
  args: readonly string[],
  input: string,
  env: Record<string, string> = {},
): Promise<void> {
  const failure = await new Promise<ExecFileException | null>((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 60_000 };
    const child = execFile(command, args, options, resolve);
    child.stdin?.end(input);
  });
  if (failure) throw new Error(`${command} failed`, { cause: failure });
}

/** What a reader without a group finds in the topic's partition from its beginning to this offset. */
async function readTo(topic: string, end: bigint) {
  const reader = new RecordReader(testKafka());
  await reader.connect();
  try {
    const found = [];
    for (let offset = 0n; offset < end;) {
      const [answer] = await reader.read([{ topic, partition: 0, offset }], {
        maxWaitMs: 500,
        maxBytesPerPartition: 1_000_000,
      });
      if (answer === undefined) throw new Error("no answer");
      found.push(answer);
      offset = answer.next;
    }
    return found;
  } finally {
    await reader.close();
  }
}

for (const [name, client] of Object.entries({ librdkafka: pythonClient(), "kafka-clients": javaClient() })) {
  if ("missing" in client) console.log(`compression by ${name} is not tested here: ${client.missing}`);
  describe.skipIf("missing" in client)(`what ${name} compressed`, () => {
    test("is read whatever the codec, by a consumer and by a reader without a group", async () => {
      if (!("send" in client)) throw new Error("skipped");
      const topic = await freshTopic({ numPartitions: 1 });
      await client.send(topic);
      const sent = client.codecs.flatMap((codec) => lines.map((line) => `${codec} ${line}`));
      await using consumer = new SpecConsumer({ topics: [topic] });
      await consumer.received(sent);
      await consumer.committedUpTo(topic, String(sent.length));
      expect(consumer.values).toEqual(sent);
      expect([consumer.gaps, consumer.failures]).toEqual([[], []]);
      const read = await readTo(topic, BigInt(sent.length));
      expect(read.flatMap(({ messages }) => messages.map(({ value }) => value?.toString()))).toEqual(sent);
    });
  });
}

test("a batch that unpacks to more than is taken is a gap of its own; what lies before and behind it is read", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await publish(topic, ["before"]);
  const producer = testKafka().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const zeros = Buffer.alloc(17 * 1_024 * 1_024);
  const messages = [{ value: zeros }, { value: zeros }];
  await producer.send({ topic, compression: kafkajs.CompressionTypes.GZIP, messages });
  await producer.disconnect();
  await publish(topic, ["behind"]);

  let told = 0;
  await using consumer = new SpecConsumer({
    topics: [topic],
    onGap: () => (++told < 3 ? Promise.reject(new Error("flush failed")) : Promise.resolve()),
  });
  await consumer.received(["before", "behind"]);
  await consumer.committedUpTo(topic, "4");
  expect(consumer.values).toEqual(["before", "behind"]);
  const detail = "offsets 1 to 2: compressed by gzip, unpacks to more than 33554432 bytes";
  expect(consumer.gaps).toEqual([
    { topic, partition: 0, reason: "unreadable", committed: 1n, position: 3n, detail },
  ]);
  expect(consumer.failures.map(({ step }) => step)).toEqual(["guard", "guard"]);

  const read = await readTo(topic, 4n);
  expect(read.map(({ messages: { length }, next, unreadable }) => [length, next, unreadable?.why])).toEqual([
    [1, 1n, undefined],
    [0, 3n, "compressed by gzip, unpacks to more than 33554432 bytes"],
    [1, 4n, undefined],
  ]);
});
