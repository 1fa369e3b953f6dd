// Preloaded into a service by the test of the nemesis: it publishes by kafkajs's idempotent producer, one for as long as
// the process lives, as whoever has not read docs/kafkajs.md would. All the rest is the built app.
import kafkajs from "kafkajs";

const { producer } = kafkajs.Kafka.prototype;
/** @type {import("kafkajs").Producer | undefined} */
let kept;

/**
 * @this {import("kafkajs").Kafka}
 * @param {import("kafkajs").ProducerConfig} config
 */
function keptProducer(config) {
  kept ??= producer.call(this, { ...config, idempotent: true, retry: { retries: 1 } });
  return { ...kept, disconnect: () => Promise.resolve() };
}

Object.assign(kafkajs.Kafka.prototype, { producer: keptProducer });
