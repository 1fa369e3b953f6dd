// A broker that takes a connection and then says nothing (frozen, or behind a network that swallows) leaves kafkajs
// with a connection over which it never learned what the broker can do. It takes that for connected, and each request
// of the client throws "Broker not connected" for as long as the connection lives, which can be for good. Mended once
// for this process: such a broker is not connected, and what failed to connect is closed.
import { createRequire } from "node:module";

interface Broker {
  readonly versions: object | null;
  readonly connectionPool: { map(use: (connection: { readonly socket?: Socket }) => void): void };
  isConnected(): boolean;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface Socket {
  destroy(): void;
}

const { prototype } = createRequire(import.meta.url)("kafkajs/src/broker") as { readonly prototype: Broker };

const isConnected = Object.getOwnPropertyDescriptor(prototype, "isConnected")?.value as (
  this: Broker,
) => boolean;
const connect = Object.getOwnPropertyDescriptor(prototype, "connect")?.value as (
  this: Broker,
) => Promise<void>;

prototype.isConnected = function () {
  return this.versions !== null && isConnected.call(this);
};

prototype.connect = async function () {
  try {
    await connect.call(this);
  } catch (error) {
    if (this.versions === null) {
      await this.disconnect();
      // Ended alone, it would hand the broker's late answer and its end to the connection that follows.
      this.connectionPool.map(({ socket }) => socket?.destroy());
    }
    throw error;
  }
};
