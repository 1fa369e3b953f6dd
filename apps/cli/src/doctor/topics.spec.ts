import type { TopicDescription } from "@freshet/kafka";
import { describe, expect, it } from "vitest";
import { wrong } from "../../../../test/support/findings.ts";
import { judgeTopics, type TopicWish } from "./topics.ts";

const hour = 3_600_000;
const day = 24 * hour;

const wish: TopicWish = {
  spec: { topic: "t", retentionMs: 7 * day },
  longestHardTtlSeconds: 3_960,
  partitionsNamed: false,
};

function topic(
  name: string,
  settings: Record<string, string> = {},
  change: Partial<TopicDescription["partitions"][number]> = {},
  partitions = 12,
): TopicDescription {
  const config = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": String(7 * day),
    "retention.bytes": "-1",
    "min.insync.replicas": "1",
    "max.message.bytes": name.endsWith(".dlt") ? "1114124" : "1048588",
    ...settings,
  };
  return {
    topic: name,
    partitions: Array.from({ length: partitions }, (_, partition) => ({
      partition,
      leader: 1,
      replicas: 1,
      inSync: 1,
      ...change,
    })),
    config: new Map(Object.entries(config)),
  };
}

describe("judgeTopics", () => {
  it("finds nothing wrong with what `topics ensure` makes", () => {
    const found = judgeTopics([wish], [topic("t"), topic("t.dlt")], 1);
    expect(found.map(({ level, of }) => [level, of])).toEqual([
      ["ok", "t"],
      ["ok", "t.dlt"],
    ]);
  });

  const altered = (name: string, setting: string) =>
    new RegExp(`kafka-configs .* --entity-name ${name} --add-config ${setting}$`);

  it.each<[string, TopicDescription[], number, (string | RegExp)[]]>([
    [
      "both are missing",
      [],
      1,
      [/^problem t: it is not there → .*topics ensure/, /^problem t\.dlt: it is not there/],
    ],
    [
      "records bear their publisher's time",
      [topic("t", { "message.timestamp.type": "CreateTime" }), topic("t.dlt")],
      1,
      [altered("t", "message.timestamp.type=LogAppendTime")],
    ],
    [
      "it is compacted",
      [topic("t", { "cleanup.policy": "compact" }), topic("t.dlt")],
      1,
      [altered("t", "cleanup.policy=delete")],
    ],
    [
      "retention is not longer than a value lives",
      [topic("t", { "retention.ms": "3960000" }), topic("t.dlt")],
      1,
      [/^problem t: retention\.ms is 3960000 .*values live up to 66 min.*retention\.ms=604800000$/],
    ],
    [
      "retention is shorter than planned",
      [topic("t", { "retention.ms": String(day) }), topic("t.dlt")],
      1,
      [/^warning t: retention\.ms/],
    ],
    [
      "many events shorten the retention",
      [topic("t", { "retention.bytes": "1000" }), topic("t.dlt")],
      1,
      [/^warning t: retention\.bytes/],
    ],
    [
      "it has other partitions than planned",
      [topic("t", {}, {}, 3), topic("t.dlt")],
      1,
      [/^warning t: it has 3 partitions, 12 are planned → say --partitions 3/],
    ],
    [
      "nobody leads",
      [topic("t", {}, { leader: undefined }, 12), topic("t.dlt")],
      1,
      [/^problem t: nobody leads partition 0, 1/],
    ],
    [
      "a copy is behind",
      [topic("t", { "min.insync.replicas": "2" }, { replicas: 3, inSync: 2 }), topic("t.dlt")],
      3,
      [/^warning t: partition 0, .* fewer copies in sync/],
    ],
    [
      "it has one copy among three brokers",
      [topic("t"), topic("t.dlt")],
      3,
      [/^warning t: one copy only, with 3 brokers/],
    ],
    [
      "one broker's word is enough",
      [topic("t", {}, { replicas: 3, inSync: 3 }), topic("t.dlt")],
      3,
      [/^warning t: 3 copies, but min\.insync\.replicas is 1/],
    ],
    [
      "more copies must be in sync than there are",
      [topic("t", { "min.insync.replicas": "2" }), topic("t.dlt")],
      1,
      [/^problem t: min\.insync\.replicas is 2 with replication factor 1/],
    ],
    [
      "a letter may be larger than its topic takes",
      [topic("t"), topic("t.dlt", { "max.message.bytes": "1048588" })],
      1,
      [altered("t\\.dlt", "max.message.bytes=1114124")],
    ],
    [
      "letters are compacted",
      [topic("t"), topic("t.dlt", { "cleanup.policy": "compact" })],
      1,
      [altered("t\\.dlt", "cleanup.policy=delete")],
    ],
  ])("says what to mend when %s", (_, there, brokers, expected) => {
    const found = wrong(judgeTopics([wish], there, brokers));
    expect(found).toEqual(expected.map((each) => expect.stringMatching(each) as string));
  });

  it("takes a retention without end, and a number of partitions that was named", () => {
    const named = { ...wish, spec: { ...wish.spec, partitions: 3 }, partitionsNamed: true };
    const forEver = topic("t", { "retention.ms": "-1" }, {}, 3);
    expect(wrong(judgeTopics([named], [forEver, topic("t.dlt")], 1))).toEqual([]);
    expect(wrong(judgeTopics([named], [topic("t"), topic("t.dlt")], 1))).toEqual([
      expect.stringMatching(/^problem t: it has 12 partitions, 3 are planned/) as string,
    ]);
  });
});
