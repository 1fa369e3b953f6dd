import { ensureTopics, groupLag } from "@freshet/kafka";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { freshTopic } from "../../support/topics.ts";
import { numbered, publish, SpecConsumer, withAdmin } from "./support.ts";

test("a dry run says what is missing and makes nothing; the real one makes it with its dead letters", async () => {
  const topic = uniqueName("topic");
  const specs = [{ topic, partitions: 3, replicationFactor: 1 }];
  await withAdmin(async (admin) => {
    const planned = await ensureTopics(admin, specs, { dryRun: true });
    expect(planned.map(({ action }) => action)).toEqual(["create", "create"]);
    expect(await admin.listTopics()).not.toContain(topic);
    await ensureTopics(admin, specs);
    expect((await ensureTopics(admin, specs)).map(({ action }) => action)).toEqual(["ok", "ok"]);
    expect((await admin.fetchTopicOffsets(`${topic}.dlt`)).length).toBe(3);
  });
});

test("a topic that differs is named with what it has and what it should have, and is left alone", async () => {
  const topic = await freshTopic({ numPartitions: 2, settings: { "message.timestamp.type": "CreateTime" } });
  const results = await withAdmin((admin) => ensureTopics(admin, [{ topic, retentionMs: 1_000_000_000 }]));
  expect(results[0]).toEqual({
    topic,
    action: "change_needed",
    differences: [
      "partitions: 2 → 12",
      "message.timestamp.type: CreateTime → LogAppendTime",
      "retention.ms: 604800000 → 1000000000",
    ],
  });
});

test("the lag of a group is seen from outside, before it ever committed, while it works and after it died", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await publish(topic, numbered("v", 0, 5));
  const reader = new SpecConsumer({ topics: [topic] });
  const lag = () => withAdmin((admin) => groupLag(admin, reader.groupId, [topic]));
  const [before] = await withAdmin((admin) => groupLag(admin, uniqueName("nobody"), [topic]));
  expect(before).toMatchObject({ committed: undefined, lag: 5n });
  await reader.committedUpTo(topic, "5");
  expect(await lag()).toMatchObject([{ committed: 5n, high: 5n, lag: 0n }]);
  await reader.consumer.close();
  await publish(topic, numbered("w", 0, 3));
  expect(await lag()).toMatchObject([{ committed: 5n, high: 8n, lag: 3n }]);
});
