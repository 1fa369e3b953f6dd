import { expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { add, Harness } from "./harness.ts";

test("a row is published once its transaction commits, and leaves the outbox", async () => {
  await using harness = await Harness.open();
  harness.relay().start();
  await harness.add("1", 1);
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  expect(harness.published()).toEqual(["1@1"]);
  expect(harness.log[0]).toMatchObject({
    topic: "note.events.v1",
    key: "1",
    headers: { "content-type": "application/cloudevents+json" },
  });
});

test("a wake publishes at once: nobody waits for the poll", async () => {
  await using harness = await Harness.open();
  const relay = harness.relay({ pollIntervalMs: 3_600_000 });
  relay.start();
  await waitFor(() => harness.events.some(({ type }) => type === "backlog"), { describe: "the first round" });
  await harness.add("1", 1);
  relay.wake();
  await waitFor(() => harness.published().length === 1, { describe: "the event" });
});

test("a transaction that rolls back publishes nothing", async () => {
  await using harness = await Harness.open();
  await expect(
    harness.transaction(async (tx) => {
      await add(tx, "rolled-back", 1);
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  harness.relay().start();
  await harness.add("committed", 1);
  await waitFor(() => harness.published().length > 0, { describe: "the committed event" });
  expect(harness.published()).toEqual(["committed@1"]);
});

test("a row that commits late, with a lower seq than rows already published, is still published", async () => {
  await using harness = await Harness.open();
  harness.relay().start();
  await harness.transaction(async (slow) => {
    await add(slow, "slow", 1);
    await harness.add("fast", 1);
    await waitFor(() => harness.published().includes("fast@1"), { describe: "the later row" });
  });
  await waitFor(() => harness.published().includes("slow@1"), { describe: "the late row" });
  expect(harness.published()).toEqual(["fast@1", "slow@1"]);
});

test("rows are published in the order of seq, although RETURNING is not ordered", async () => {
  await using harness = await Harness.open();
  await harness.pool.query("ALTER TABLE outbox_events SET (autovacuum_enabled = off)");
  // Space that was freed and reused puts new rows before older ones in the table.
  await addMany(harness, 1, 400);
  await harness.pool.query("DELETE FROM outbox_events WHERE seq % 3 <> 0");
  await harness.pool.query("VACUUM outbox_events");
  await addMany(harness, 401, 400);
  const { rows } = await harness.pool.query<{ id: string }>("SELECT aggregateid AS id FROM outbox_events");
  const inOrder = rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
  expect(rows.map(({ id }) => Number(id))).not.toEqual(inOrder);

  harness.relay({ batchRows: 150 }).start();
  await waitFor(() => harness.log.length === inOrder.length, { describe: "all rows" });
  expect(harness.log.map(({ key }) => Number(key))).toEqual(inOrder);
});

test("several relays publish each row once, and each entity's versions in order", async () => {
  await using harness = await Harness.open();
  const relays = [1, 2, 3].map(() => harness.relay({ batchRows: 7 }));
  for (const relay of relays) relay.start();
  const versions = Array.from({ length: 30 }, (_, index) => index + 1);
  await Promise.all(
    ["a", "b", "c", "d"].map(async (id) => {
      for (const version of versions) {
        await harness.add(id, version);
        relays[version % 3]?.wake();
      }
    }),
  );
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  for (const id of ["a", "b", "c", "d"])
    expect(harness.published().filter((event) => event.startsWith(id))).toEqual(
      versions.map((version) => `${id}@${version}`),
    );
});

test("what is not acknowledged is rolled back and published again, from the oldest on", async () => {
  await using harness = await Harness.open();
  let fail = true;
  const relay = harness.relay({
    publish: (messages) => {
      if (fail) return Promise.reject(new Error("acks lost"));
      harness.log.push(...messages);
      return Promise.resolve(messages.map(() => "published" as const));
    },
  });
  await harness.add("1", 1);
  relay.start();
  await waitFor(() => harness.state === "broker_down", { describe: "the failure to be told" });
  expect(await harness.waiting()).toBe(1);
  await harness.add("1", 2);
  fail = false;
  await waitFor(() => harness.log.length === 2, { describe: "both versions" });
  expect(harness.published()).toEqual(["1@1", "1@2"]);
});

test("rows are claimed while others are published; what then can't be published is put back alone", async () => {
  await using harness = await Harness.open();
  const transactions: number[] = [];
  let calls = 0;
  let visible = 0;
  const relay = harness.relay({
    batchRows: 1,
    publish: async (messages) => {
      calls += 1;
      if (calls === 2) {
        // The first row is acknowledged and not yet committed: one transaction for both.
        visible = await harness.waiting();
        throw new Error("acks lost");
      }
      harness.log.push(...messages);
      return messages.map(() => "published" as const);
    },
    on: (event) => {
      harness.events.push(event);
      if (event.type === "published") transactions.push(event.rows);
    },
  });
  await addMany(harness, 1, 3);
  relay.start();
  await waitFor(() => harness.log.length >= 3, { describe: "all rows" });
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  expect(visible).toBe(3);
  expect(harness.published()).toEqual(["1@1", "2@1", "3@1"]);
  expect(transactions).toEqual([1, 2]);
});

test("while the broker is down writes go on, no transaction is open, and age and rows are told", async () => {
  await using harness = await Harness.open();
  let down = true;
  const openDuringOutage: unknown[] = [];
  let pings = 0;
  const relay = harness.relay({
    ping: async () => {
      if (!down) return;
      openDuringOutage.push(...(await harness.openTransactions()));
      pings += 1;
      throw new Error("ECONNREFUSED");
    },
  });
  relay.start();
  await waitFor(() => harness.state === "broker_down", { describe: "the broker to be found down" });
  for (const version of [1, 2, 3]) {
    await harness.add("1", version);
    relay.wake();
  }
  await waitFor(() => harness.events.some((event) => event.type === "backlog" && event.rows === 3), {
    describe: "the backlog to be told",
  });
  const before = pings;
  await waitFor(() => pings > before + 3, { describe: "a few more attempts" });
  expect(openDuringOutage).toEqual([]);
  expect(harness.log).toEqual([]);
  const ages = harness.events.flatMap((event) => (event.type === "backlog" ? [event.oldestAgeSeconds] : []));
  expect(ages.at(-1)).toBeGreaterThan(0);
  down = false;
  await waitFor(() => harness.log.length === 3, { describe: "the events" });
  expect(harness.published()).toEqual(["1@1", "1@2", "1@3"]);
});

test("a publisher that never settles is given up after the bound, its rows are published again", async () => {
  await using harness = await Harness.open();
  let hang = true;
  const aborted: boolean[] = [];
  const relay = harness.relay({
    publishTimeoutMs: 50,
    publish: (messages, { signal }) => {
      if (hang) {
        signal.addEventListener("abort", () => aborted.push(true));
        return new Promise(() => undefined);
      }
      harness.log.push(...messages);
      return Promise.resolve(messages.map(() => "published" as const));
    },
  });
  await harness.add("1", 1);
  relay.start();
  await waitFor(() => harness.state === "broker_down", { describe: "the bound" });
  expect(aborted).toContain(true);
  hang = false;
  await waitFor(() => harness.log.length === 1, { describe: "the event" });
});

test("a row refused for its size moves to outbox_dead with its reason; the others are published", async () => {
  await using harness = await Harness.open();
  const relay = harness.relay({
    publish: (messages) => {
      const answers = messages.map(({ key }) =>
        key === "huge" ? ("too_large" as const) : ("published" as const),
      );
      harness.log.push(...messages.filter((_, index) => answers[index] === "published"));
      return Promise.resolve(answers);
    },
  });
  await harness.transaction(async (tx) => {
    await add(tx, "1", 1);
    await add(tx, "huge", 1);
    await add(tx, "2", 1);
  });
  const before = await harness.pool.query("SELECT * FROM outbox_events WHERE aggregateid = 'huge'");
  relay.start();
  await waitFor(async () => (await harness.waiting()) === 0, { describe: "the outbox to be empty" });
  expect(harness.published()).toEqual(["1@1", "2@1"]);
  const dead = await harness.pool.query<Record<string, unknown>>("SELECT * FROM outbox_dead");
  expect(dead.rows).toHaveLength(1);
  expect(dead.rows[0]).toMatchObject({
    ...before.rows[0],
    reason: "larger than the topic's max.message.bytes",
  });
  expect(harness.events).toContainEqual(expect.objectContaining({ type: "dead", topic: "note.events.v1" }));
});

test("stop waits for the batch at hand and takes no other one", async () => {
  await using harness = await Harness.open();
  let acknowledge: (() => void) | undefined;
  const relay = harness.relay({
    batchRows: 1,
    publish: (messages) =>
      new Promise((resolve) => {
        acknowledge = () => {
          harness.log.push(...messages);
          resolve(messages.map(() => "published" as const));
        };
      }),
  });
  await harness.add("1", 1);
  await harness.add("2", 1);
  relay.start();
  const acknowledgeFirst = await waitFor(() => acknowledge, { describe: "the batch to be under way" });
  let ended = false;
  const stopped = relay.stop().then(() => (ended = true));
  expect(await harness.waiting()).toBe(2);
  expect(ended).toBe(false);
  acknowledgeFirst();
  await stopped;
  expect(harness.published()).toEqual(["1@1"]);
  expect(await harness.waiting()).toBe(1);
  expect(relay.state).toBe("stopped");
});

async function addMany(harness: Harness, from: number, count: number): Promise<void> {
  await harness.transaction(async (tx) => {
    for (let id = from; id < from + count; id += 1) await add(tx, String(id), 1);
  });
}
