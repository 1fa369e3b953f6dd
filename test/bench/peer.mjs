// A consumer to compare with, in a process of its own: kafkajs eachBatch with the invalidator's fetch settings,
// doing nothing or JSON.parse. Prints one line of JSON when it has read every event.
import { readFileSync } from "node:fs";
import { defaultConsumerSettings } from "@freshet/kafka";
import kafkajs from "kafkajs";

const { BROKERS = "", TOPIC = "", GROUP = "", EVENTS, WARM_UP, WORK } = process.env;
const [events, warmUp] = [Number(EVENTS), Number(WARM_UP)];
const { maxBytesPerPartition, maxWaitTimeMs } = defaultConsumerSettings;

const kafka = new kafkajs.Kafka({
  clientId: "peer",
  brokers: BROKERS.split(","),
  logLevel: kafkajs.logLevel.NOTHING,
});
const consumer = kafka.consumer({ groupId: GROUP, maxBytesPerPartition, maxWaitTimeInMs: maxWaitTimeMs });
let seen = 0;
let subjects = 0;
/** @type {{ seen: number, ms: number, cpu: NodeJS.CpuUsage } | undefined} */
let start;

await consumer.connect();
await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
await consumer.run({
  eachBatch: ({ batch: { messages } }) => {
    if (WORK === "parse")
      for (const { value } of messages) if (JSON.parse(String(value)).subject !== undefined) subjects += 1;
    seen += messages.length;
    if (seen >= warmUp) start ??= { seen, ms: performance.now(), cpu: process.cpuUsage() };
    if (seen >= events) report();
    return Promise.resolve();
  },
});

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
  setImmediate(() => void consumer.disconnect());
}
