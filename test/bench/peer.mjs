// A consumer to compare with, in a process of its own, by kafkajs's eachBatch with the invalidator's fetch settings:
// doing nothing, JSON.parse, or deleting what the event names by memjs with 1,000 deletes in flight. The first two
// print one line of JSON when they have read every event; the last is watched through memcached. Nothing of
// @freshet/kafka is loaded here: it would mend the kafkajs that it is compared with.
import { readFileSync } from "node:fs";
import kafkajs from "kafkajs";
import memjs from "memjs";

const { BROKERS = "", TOPIC = "", GROUP = "", NODES = "", PREFIXES = "", WORK } = process.env;
const [events, warmUp] = [Number(process.env.EVENTS), Number(process.env.WARM_UP)];
const prefixes = PREFIXES.split(",");
const IN_FLIGHT = 1_000;

const kafka = new kafkajs.Kafka({
  clientId: "peer",
  brokers: BROKERS.split(","),
  logLevel: kafkajs.logLevel.NOTHING,
});
const consumer = kafka.consumer({
  groupId: GROUP,
  maxBytesPerPartition: Number(process.env.MAX_BYTES_PER_PARTITION),
  maxWaitTimeInMs: Number(process.env.MAX_WAIT_MS),
});
const cache = memjs.Client.create(NODES, { retries: 1, failover: false, timeout: 10 });
let seen = 0;
let subjects = 0;
/** @type {{ seen: number, ms: number, cpu: NodeJS.CpuUsage } | undefined} */
let start;

await consumer.connect();
await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
await consumer.run({
  partitionsConsumedConcurrently: 8,
  eachBatch: async ({ batch: { messages } }) => {
    if (WORK === "parse")
      for (const { value } of messages) if (JSON.parse(String(value)).subject !== undefined) subjects += 1;
    if (WORK === "delete") await deleteAll(messages);
    seen += messages.length;
    if (seen >= warmUp) start ??= { seen, ms: performance.now(), cpu: process.cpuUsage() };
    if (seen >= events && WORK !== "delete") report();
  },
});

/** @param {readonly import("kafkajs").KafkaMessage[]} messages */
async function deleteAll(messages) {
  const keys = messages
    .flatMap(({ value }) => {
      const { subject } = JSON.parse(String(value));
      return prefixes.map((prefix) => `${prefix}:${subject}`);
    })
    .values();
  const worker = async () => {
    for (const key of keys) await cache.delete(key);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

function report() {
  if (!start) throw new Error("the last event came with the first one");
  const { user, system } = process.cpuUsage(start.cpu);
  const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1_024;
  const result = {
    subjects,
    eventsPerSecond: ((seen - start.seen) * 1_000) / (performance.now() - start.ms),
    cpuMicrosPerEvent: (user + system) / (seen - start.seen),
    peakMb: peak,
  };
  console.log(JSON.stringify(result));
  cache.close();
  setImmediate(() => void consumer.disconnect());
}
