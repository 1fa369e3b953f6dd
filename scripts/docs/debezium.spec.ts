import { expect, it } from "vitest";
import { read } from "./documents.ts";

const { config } = JSON.parse(read("deploy/debezium/outbox-router.json")) as {
  config: Record<string, string>;
};
const [, table = ""] =
  /CREATE TABLE outbox_events \((.*?)\n\);/s.exec(read("libs/outbox/src/schema.sql")) ?? [];
const columns = [...table.matchAll(/^ {2}([a-z_]+) /gm)].map(([, column]) => column);

it("Debezium's router reads columns that the outbox has, and routes by the topic alone", () => {
  const named = Object.entries(config).filter(([name]) => /table\.field\.event|route\.by\.field/.test(name));
  expect(named.length).toBe(5);
  expect(named.filter(([, column]) => !columns.includes(column))).toEqual([]);
  expect(config).toMatchObject({
    "table.include.list": "public.outbox_events",
    "transforms.outbox.route.by.field": "topic",
    "transforms.outbox.route.topic.replacement": "${routedByValue}",
    // A JSON converter would wrap the payload, which is JSON already, in quotes.
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
  });
});
