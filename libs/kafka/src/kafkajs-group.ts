// A member that its group has forgotten joins anew. Where that fails by something that passes (no leader yet, a lost
// connection), kafkajs 2.2.4 goes on fetching as if it had joined: without a member id it sends no heartbeat, so nobody
// tells it that it is in no group. It reads for ever what another member reads too, and commits nothing. Mended once
// for this process: the heartbeat of a group that could not be joined says so, and kafkajs joins again.
import { createRequire } from "node:module";
import { KafkaJSError } from "./kafkajs-values.ts";

interface ConsumerGroup {
  joinAndSync(): Promise<void>;
  heartbeat(options: { interval: number }): Promise<void>;
}

const { prototype } = createRequire(import.meta.url)("kafkajs/src/consumer/consumerGroup") as {
  readonly prototype: ConsumerGroup;
};

const joinAndSync = Object.getOwnPropertyDescriptor(prototype, "joinAndSync")?.value as (
  this: ConsumerGroup,
) => Promise<void>;
const heartbeat = Object.getOwnPropertyDescriptor(prototype, "heartbeat")?.value as (
  this: ConsumerGroup,
  options: { interval: number },
) => Promise<void>;

const unjoined = new WeakSet<ConsumerGroup>();

prototype.joinAndSync = async function () {
  try {
    await joinAndSync.call(this);
    unjoined.delete(this);
  } catch (error) {
    unjoined.add(this);
    throw error;
  }
};

prototype.heartbeat = async function (options) {
  if (unjoined.has(this))
    // As the broker would say it: kafkajs goes by the type.
    throw Object.assign(new KafkaJSError("the group could not be joined"), { type: "REBALANCE_IN_PROGRESS" });
  await heartbeat.call(this, options);
};
