import { kafkaAdmin } from "./kafka-admin.mjs";

/**
 * Creates each topic and its dead-letter topic `<topic>.dlt` unless they are there; existing ones are left
 * as they are. The library is loaded late, because it is not built yet when `npm start` begins.
 * @param {string[]} brokers host:port
 * @param {string[]} topics
 * @param {Omit<import("@freshet/kafka").TopicSpec, "topic">} [spec]
 */
export async function ensureTopics(brokers, topics, spec = {}) {
  const library = await import("@freshet/kafka");
  await kafkaAdmin(brokers, (admin) =>
    library.ensureTopics(
      admin,
      topics.map((topic) => ({ topic, ...spec })),
    ),
  );
}
