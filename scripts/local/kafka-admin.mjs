/**
 * Runs `work` with a connected admin client that tries once and keeps quiet: whoever waits for something
 * polls at his own pace. kafkajs is loaded late, because it is not installed yet when `npm start` begins.
 * @template T
 * @param {string[]} brokers host:port
 * @param {(admin: import("kafkajs").Admin) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function kafkaAdmin(brokers, work) {
  const { default: kafkajs } = await import("kafkajs");
  const admin = new kafkajs.Kafka({
    clientId: "freshet-local",
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 2_000,
    retry: { retries: 0 },
  }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
