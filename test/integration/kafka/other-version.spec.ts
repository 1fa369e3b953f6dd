import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { freshTopic } from "../../support/topics.ts";
import { publish, SpecConsumer, withAdmin } from "./support.ts";

const otherVersion = fileURLToPath(new URL("other-version.mjs", import.meta.url));
const miss = { "cache-2:11211": "0" };

interface Commit {
  readonly offset: string;
  readonly metadata: string;
}

/** Lets another version read and commit one record; answers what it had found committed. */
async function handOver(groupId: string, topic: string, metadata: object): Promise<Commit> {
  const args = [otherVersion, inject("kafkaBrokers").join(","), groupId, topic, JSON.stringify(metadata)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Commit;
}

/** What stands in the group's commit, as bytes that no code of ours has read. */
async function written(groupId: string, topic: string): Promise<unknown> {
  return withAdmin(async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return JSON.parse(found?.partitions[0]?.metadata ?? "null") as unknown;
  });
}

test("versions take a partition over from each other: nothing is skipped or read twice, what is owed stays, and what can't be read is said", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const groupId = uniqueName("group");
  /** Ours reads this record, and nothing before it, and commits; answers what it was told of the partition. */
  const ours = async (value: string, committed: string) => {
    await publish(topic, [value]);
    await using reader = new SpecConsumer({ topics: [topic], groupId });
    reader.missed = { "cache-2:11211": 0n };
    await reader.received([value]);
    await reader.committedUpTo(topic, committed);
    expect(reader.values).toEqual([value]);
    return {
      assigned: reader.assigned[0],
      gaps: reader.gaps.map(({ reason, position }) => [reason, position]),
    };
  };
  expect(await ours("1", "1")).toMatchObject({ gaps: [] });

  // A later version of the same format has one more field.
  await publish(topic, ["2"]);
  const later = { f: 1, topo: "ab12cd34", miss, owes: { "cache-3:11211": ["a", 1] } };
  const found = await handOver(groupId, topic, later);
  expect([found.offset, JSON.parse(found.metadata)]).toMatchObject(["1", { f: 1, topo: "ab12cd34", miss }]);
  const back = await ours("3", "3");
  expect(back).toMatchObject({
    gaps: [],
    assigned: { position: 2n, metadata: { miss: { "cache-2:11211": 0n } } },
  });
  expect(await written(groupId, topic)).toMatchObject(later);

  // A format of its own: the offset is right, what its nodes have missed can't be read.
  await publish(topic, ["4"]);
  await handOver(groupId, topic, { f: 2, debts: [] });
  expect(await ours("5", "5")).toMatchObject({
    gaps: [["later_format", 4n]],
    assigned: { position: 4n, metadata: undefined },
  });
  expect(await written(groupId, topic)).toMatchObject({ f: 1, miss });
});
