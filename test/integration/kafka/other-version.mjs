// Another version's consumer, as far as a group sees it, in a process of its own and without a line of ours: takes
// the one partition over, reads one record, commits with metadata of its own making, and leaves.
//   node other-version.mjs <brokers> <group> <topic> <metadata as JSON, to which it adds ts>
// Prints what it found committed.
import kafkajs from "kafkajs";

const [brokers = "", groupId = "", topic = "", metadata = ""] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({ brokers: brokers.split(","), logLevel: kafkajs.logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
await admin.disconnect();

const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
/** @type {import("kafkajs").KafkaMessage} */
const record = await new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    reject(payload.error);
  });
  void consumer.run({
    autoCommit: false,
    eachMessage: ({ message }) => {
      resolve(message);
      return Promise.resolve();
    },
  });
});
await consumer.commitOffsets([
  {
    topic,
    partition: 0,
    offset: String(BigInt(record.offset) + 1n),
    metadata: JSON.stringify({ ...JSON.parse(metadata), ts: Number(record.timestamp) }),
  },
]);
await consumer.disconnect();
console.log(JSON.stringify(found?.partitions[0]));
