import { setImmediate as immediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { groupLag } from "./group-lag.ts";

test("a group that goes on while it is asked about is never seen behind the end of its topic", async () => {
  let end = 7;
  const look = () => Promise.resolve(String((end += 1)));
  const [lag] = await groupLag(
    {
      fetchOffsets: async ({ topics = [] }) => {
        await immediate(); // the slower of the two answers
        const offset = await look();
        return topics.map((topic) => ({ topic, partitions: [{ partition: 0, offset, metadata: null }] }));
      },
      fetchTopicOffsets: async () => {
        const high = await look();
        return [{ partition: 0, low: "0", high, offset: high }];
      },
    },
    "group",
    ["topic"],
  );
  expect(lag).toMatchObject({ committed: 8n, high: 9n, lag: 1n });
});
