// Mended once for this process, in how kafkajs 2.2.4 joins a group:
// - A member that its group has forgotten joins anew. Where that fails by something that passes (no leader yet, a lost
//   connection), kafkajs goes on fetching as if it had joined: without a member id it sends no heartbeat, so nobody
//   tells it that it is in no group. It reads for ever what another member reads too, and commits nothing. Here the
//   heartbeat of a group that could not be joined says so, and kafkajs joins again.
// - The generation, without which nothing can be committed, is told by the first heartbeat, up to a second after the
//   join: what was done until then was done once more when the next member joined. Here it is told at once.
import { createRequire } from "node:module";
import { KafkaJSError } from "./kafkajs-values.ts";

interface ConsumerGroup {
  readonly groupId: string;
  readonly memberId: string | null;
  readonly generationId: number | null;
  readonly instrumentationEmitter: { emit(event: string, payload: object): void };
  joinAndSync(): Promise<void>;
  heartbeat(options: { interval: number }): Promise<void>;
}

const require = createRequire(import.meta.url);
const { prototype } = require("kafkajs/src/consumer/consumerGroup") as { readonly prototype: ConsumerGroup };
const { events } = require("kafkajs/src/consumer/instrumentationEvents") as {
  readonly events: { readonly HEARTBEAT: string };
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
    const { groupId, memberId, generationId: groupGenerationId } = this;
    this.instrumentationEmitter.emit(events.HEARTBEAT, { groupId, memberId, groupGenerationId });
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
