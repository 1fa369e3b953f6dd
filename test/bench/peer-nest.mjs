// What one writes first: Nest's own Kafka transport, one handler call for each event, which awaits memjs.delete. In a
// process of its own, until it is stopped.
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { EventPattern, Payload, Transport } from "@nestjs/microservices";
import memjs from "memjs";

const { BROKERS = "", TOPIC = "", GROUP = "", NODES = "" } = process.env;
const cache = memjs.Client.create(NODES, { retries: 1, failover: false, timeout: 10 });

class Invalidation {
  /** @param {{ subject: string }} event that Nest has parsed */
  async on(event) {
    await cache.delete(`user_profile:${event.subject}`);
  }
}

const handler = Object.getOwnPropertyDescriptor(Invalidation.prototype, "on") ?? {};
Payload()(Invalidation.prototype, "on", 0);
EventPattern(TOPIC)(Invalidation.prototype, "on", handler);
Controller()(Invalidation);

class App {}
Module({ controllers: [Invalidation] })(App);

const app = await NestFactory.createMicroservice(App, {
  logger: false,
  transport: Transport.KAFKA,
  options: {
    client: { clientId: "nest", brokers: BROKERS.split(",") },
    consumer: {
      groupId: GROUP,
      maxBytesPerPartition: Number(process.env.MAX_BYTES_PER_PARTITION),
      maxWaitTimeInMs: Number(process.env.MAX_WAIT_MS),
    },
    run: { partitionsConsumedConcurrently: 8 },
    subscribe: { fromBeginning: true },
  },
});
await app.listen();
