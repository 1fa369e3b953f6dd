// Preloaded into profile-service by the test of the nemesis: one idempotent producer of kafkajs for good, in place of a
// plain one that is given up after a send of unknown fate. All the rest is the built app.
import kafkajs from "kafkajs";

const { producer: create } = kafkajs.Kafka.prototype;
/** @type {import("kafkajs").Producer | undefined} */
let only;

/**
 * @this {import("kafkajs").Kafka}
 * @param {import("kafkajs").ProducerConfig} [config]
 */
function idempotentProducer(config) {
  only ??= create.call(this, { ...config, idempotent: true, retry: { retries: 1 } });
  return { ...only, disconnect: () => Promise.resolve() };
}

Object.assign(kafkajs.Kafka.prototype, { producer: idempotentProducer });
