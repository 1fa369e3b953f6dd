import {
  type Manifest,
  type PublishedEvent,
  publishedEventJsonSchema,
  structuredContentType,
} from "@freshet/contracts";

type Json = Readonly<Record<string, unknown>>;

const ref = (...path: readonly string[]): Json => ({ $ref: `#/${path.join("/")}` });
const text = (description: string, more: Json = {}): Json => ({ type: "string", description, ...more });
/** A message in binary mode bears its attributes as headers. */
const binary = "binary";

/**
 * What the bus reads, as an AsyncAPI 3 document: a channel per topic, and per event a message in structured and one in
 * binary mode of CloudEvents. Pure.
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export function asyncApi(manifests: readonly Manifest[]): Json {
  const events = manifests.flatMap(({ service, publishes }) =>
    Object.entries(publishes).map(([type, event]) => ({ service, type, event, ...schemasOf(type, event) })),
  );
  const topics = [...new Set(events.map(({ event }) => event.topic))];
  const ofTopic = (topic: string) => events.filter(({ event }) => event.topic === topic);
  const messages = (topic: string) =>
    ofTopic(topic).flatMap(({ type }) => [type, `${type}.${binary}`].map((name) => [name] as const));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Freshet: change events",
      version: "1.0.0",
      description:
        "What services publish after a commit. The key of a Kafka record is the entity's id; its partition is that of murmur2, as Java's client chooses it (`partitioner=murmur2_random` in librdkafka). Structured mode is what Freshet itself sends; binary mode is read as well.",
    },
    defaultContentType: structuredContentType,
    channels: Object.fromEntries(
      topics.map((topic) => [
        topic,
        {
          address: topic,
          description: `Published by ${[...new Set(ofTopic(topic).map(({ service }) => service))].join(", ")}`,
          messages: Object.fromEntries(
            messages(topic).map(([name]) => [name, ref("components", "messages", name)]),
          ),
          bindings: { kafka: { topic, bindingVersion: "0.5.0" } },
        },
      ]),
    ),
    operations: Object.fromEntries(
      topics.map((topic) => [
        `receive.${topic}`,
        {
          action: "receive",
          channel: ref("channels", topic),
          summary: `The bus reads ${topic} and invalidates what is built from it`,
          messages: messages(topic).map(([name]) => ref("channels", topic, "messages", name)),
        },
      ]),
    ),
    components: {
      messages: Object.fromEntries(events.flatMap(({ type, event }) => messagesOf(type, event))),
      schemas: Object.fromEntries(
        events.flatMap(({ type, envelope, data }) => [
          [type, envelope],
          [`${type}.data`, data],
        ]),
      ),
    },
  };
}

/** The schema of the whole event, which refers to that of its data: in binary mode the latter is all of the value. */
function schemasOf(type: string, event: PublishedEvent): { readonly envelope: Json; readonly data: Json } {
  const { properties: { data = {}, ...properties } = {}, ...envelope } = publishedEventJsonSchema(
    type,
    event,
  );
  delete envelope.$schema;
  return {
    envelope: {
      ...envelope,
      properties: { ...properties, data: ref("components", "schemas", `${type}.data`) },
    },
    data: { ...(typeof data === "object" ? data : {}), title: `${type}: data` },
  };
}

function messagesOf(type: string, { entity }: PublishedEvent): [string, Json][] {
  const shared = {
    title: type,
    tags: [{ name: entity }],
    bindings: {
      kafka: { key: text(`The id of the ${entity}: the event's subject`), bindingVersion: "0.5.0" },
    },
  };
  const header = (name: string, description: string, more: Json = {}) =>
    [`ce_${name}`, text(description, more)] as const;
  return [
    [
      type,
      {
        ...shared,
        name: type,
        summary: `A ${entity} has changed; structured mode`,
        contentType: structuredContentType,
        headers: {
          type: "object",
          properties: {
            "content-type": text("Says that the value is the event", { const: structuredContentType }),
          },
        },
        payload: ref("components", "schemas", type),
      },
    ],
    [
      `${type}.${binary}`,
      {
        ...shared,
        name: `${type}.${binary}`,
        summary: `A ${entity} has changed; binary mode`,
        contentType: "application/json",
        headers: {
          type: "object",
          required: ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject"],
          properties: Object.fromEntries([
            header("specversion", "CloudEvents' version", { const: "1.0" }),
            header("id", "Unique per source", { minLength: 1 }),
            header("source", "The service that owns the entity", { minLength: 1 }),
            header("type", "The event's type", { const: type }),
            header("subject", "The entity's id, at most 1,024 bytes", { minLength: 1, maxLength: 1_024 }),
            header("time", "When the row was written", { format: "date-time" }),
            header("traceparent", "W3C trace context"),
          ]),
        },
        payload: ref("components", "schemas", `${type}.data`),
      },
    ],
  ];
}
