// What kafkajs leaves behind when it is told to end in the midst of a join.
import { expect, test } from "vitest";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { SpecConsumer, withAdmin } from "./support.ts";

async function members(groupId: string): Promise<number> {
  const { groups } = await withAdmin((admin) => admin.describeGroups([groupId]));
  return groups[0]?.members.length ?? 0;
}

test("a consumer that is closed while it joins leaves no member behind", async () => {
  const topic = await freshTopic({ numPartitions: 2 });
  // The one that is there hears of the other one by its next heartbeat: the join takes as long.
  await using first = new SpecConsumer({ topics: [topic] });
  await first.reading(2);
  const second = new SpecConsumer({ topics: [topic], groupId: first.groupId });
  await waitFor(async () => (await members(first.groupId)) === 2, { describe: "the join to be under way" });
  expect(second.consumer.state).toBe("joining");
  await second.consumer.close();
  expect(await members(first.groupId)).toBe(1);
  await first.reading(2);
  expect(await members(first.groupId)).toBe(1);
});
