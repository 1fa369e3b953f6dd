import { ReadThroughCache, versioned } from "@freshet/cache";
import { createEventPublisher, createKafka } from "@freshet/kafka";
import { OutboxRelay } from "@freshet/outbox";
import { z } from "zod";
import { serve } from "../http.ts";
import { find, findByAuthor, pool, save } from "./articles.ts";
import { article } from "./contract.ts";

const {
  PORT = "3300",
  KAFKA_BROKERS = "127.0.0.1:9092",
  MEMCACHED_PROFILES = "127.0.0.1:11211,127.0.0.1:11212",
} = process.env;
const sent = z.object({ title: z.string().min(1), authorId: z.string().min(1) });

// What was committed goes to Kafka.
const kafka = createKafka({ brokers: KAFKA_BROKERS.split(","), clientId: "article-service" });
const publisher = createEventPublisher(kafka);
const relay = new OutboxRelay({
  pool,
  publish: (messages, options) => publisher.publish(messages, options),
  ping: (options) => publisher.ping(options),
});
relay.start();

const cache = new ReadThroughCache({ pools: { profiles: { nodes: MEMCACHED_PROFILES } } });

serve(Number(PORT), async (method, [collection, id = "", of], body) => {
  if (collection === "articles" && method === "PUT") {
    const { title, authorId } = sent.parse(JSON.parse(body));
    await save(id, title, authorId);
    relay.wake();
    return { saved: id };
  }
  if (collection === "articles") {
    const load = async () => versioned(await find(id));
    const { outcome, value } = await cache.read(article, { articleId: id }, load);
    return { outcome, value };
  }
  // For other services' loaders: from the database, never from the cache.
  if (collection === "authors" && of === "articles") return await findByAuthor(id);
  return null;
});
