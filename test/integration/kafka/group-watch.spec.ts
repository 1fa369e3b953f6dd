// What the broker tells of a whole group while its consumer works, is stuck, is gone, and is set back.
import { GroupWatch } from "@freshet/kafka";
import { expect, test } from "vitest";
import { uniqueName } from "../../support/names.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { everyOffset, Gate, numbered, publish, SpecConsumer, testKafka, withAdmin } from "./support.ts";

test("a group that works is ok, one that is stuck is stalled, one without a member is stopped, one that was set back is rewound", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const groupId = uniqueName("watched");
  const failures: unknown[] = [];
  const watch = new GroupWatch({
    admin: testKafka().admin(),
    groups: () => [{ groupId, topics: [topic] }],
    onFailure: (error) => failures.push(error),
    intervalMs: 100,
  });
  watch.start();
  // Looks of a busy machine lie far apart: any of them counts here.
  const seen = () => watch.of(groupId, 0);
  const until = (verdict: string, committed: bigint | undefined, lag: bigint) =>
    waitFor(
      () => {
        expect(seen()?.partitions).toMatchObject([{ topic, partition: 0, verdict, committed, lag }]);
        return seen();
      },
      { timeoutMs: 60_000, describe: `the verdict ${verdict}` },
    );
  try {
    const gate = new Gate();
    let isStuck = false;
    const reader = new SpecConsumer({
      topics: [topic],
      groupId,
      handler: async (batch) => {
        if (isStuck) await Promise.race([gate.opened, aborted(batch.signal)]);
        return { done: everyOffset(batch) };
      },
    });
    await publish(topic, numbered("v", 0, 3));
    const works = await until("ok", 3n, 0n);
    expect(works.group.members).toHaveLength(1);

    isStuck = true;
    await publish(topic, numbered("v", 3, 5));
    await until("stalled", 3n, 2n);

    gate.open();
    isStuck = false;
    await until("ok", 5n, 0n);
    await reader.consumer.close();
    await publish(topic, ["v5"]);
    const stopped = await until("stopped", 5n, 1n);
    expect(stopped.group.members).toEqual([]);

    // Looked for from before it happens: ten looks later the position has not fallen within the window.
    const partitions = [{ partition: 0, offset: "1" }];
    await Promise.all([
      until("rewound", 1n, 5n),
      withAdmin((admin) => admin.setOffsets({ groupId, topic, partitions })),
    ]);
    expect(failures).toEqual([]);
  } finally {
    await watch.stop();
  }
});

test("a group whose broker does not answer is not told as it was", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  const groupId = uniqueName("watched");
  const watch = new GroupWatch({
    admin: testKafka().admin(),
    groups: () => [{ groupId, topics: [topic] }],
    onFailure: () => undefined,
  });
  watch.start();
  try {
    const look = await waitFor(() => watch.of(groupId), { timeoutMs: 60_000, describe: "a look" });
    expect(watch.of(groupId, look.atMs + 14_999)).toBe(look);
    expect(watch.of(groupId, look.atMs + 15_000)).toBeUndefined();
  } finally {
    await watch.stop();
  }
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
