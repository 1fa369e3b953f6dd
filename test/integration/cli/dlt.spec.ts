// `freshet dlt` against letters that the invalidator's own functions wrote, each test with topics of its own.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createEventPublisher, type DeadLetterContext, toCutDeadLetter, toDeadLetter } from "@freshet/kafka";
import type { KafkaMessage } from "kafkajs";
import { expect, inject, test } from "vitest";
import { freshet } from "../../support/cli.ts";
import { readTopic } from "../../support/event-log.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { testKafka } from "../kafka/support.ts";

const garbage = Buffer.from([0xff, 0x00, 0x1b, 0x5d, 0x80]);

function record(offset: number, value: Buffer | null, headers: KafkaMessage["headers"] = {}): KafkaMessage {
  return { key: Buffer.from("k"), value, offset: String(offset), headers, timestamp: "0", attributes: 0 };
}

/** Parks letters as pools do; answers the topic. */
async function parked(
  letters: readonly { record: KafkaMessage; pool?: string; reason?: string; cut?: boolean }[],
): Promise<string> {
  const topic = await freshTopic({ numPartitions: 2 });
  const publisher = createEventPublisher(testKafka());
  const messages = letters.map(({ record: of, pool = "profiles", reason = "not_json", cut = false }) => {
    const context: DeadLetterContext = { topic, partition: 1, pool, reason, attempt: 1 };
    return (cut ? toCutDeadLetter : toDeadLetter)(of, context);
  });
  await waitFor(() => publisher.publish(messages), { describe: "the letters to be parked" });
  await publisher.close();
  return topic;
}

async function asJson(args: readonly string[]): Promise<{ exitCode: number; data: Record<string, unknown> }> {
  const env = { KAFKA_BROKERS: inject("kafkaBrokers").join(",") };
  const { exitCode, stdout } = await freshet([...args, "--json"], { env });
  return { exitCode, data: JSON.parse(stdout) as Record<string, unknown> };
}

const eventsOf = (topic: string) => readTopic(inject("kafkaBrokers"), topic);

test("letters of several pools about one event are one, and their event is sent once, as it was", async () => {
  const headers = { trace: Buffer.from("t"), twice: [Buffer.from("a"), Buffer.from("b")] };
  const topic = await parked([
    { record: record(7, garbage, headers) },
    { record: record(7, garbage, headers), pool: "teams" },
    { record: record(9, null), reason: "empty" },
  ]);
  const where = ["--where", `topic=${topic}`];
  expect(await asJson(["dlt", "list", ...where])).toMatchObject({
    exitCode: 0,
    data: {
      total: 2,
      redriven: 0,
      byReason: { not_json: 1, empty: 1 },
      letters: [
        { partition: 1, offset: "7", pools: ["profiles", "teams"], bytes: 5, cut: false, redrivenAt: null },
        { partition: 1, offset: "9", pools: ["profiles"], reason: "empty" },
      ],
    },
  });
  expect(await asJson(["dlt", "list", ...where, "pool=teams"])).toMatchObject({ data: { total: 1 } });
  const typo = {
    error: { code: "POOL_UNKNOWN", message: expect.stringContaining("profiles, teams") as string },
  };
  for (const command of ["list", "redrive"])
    expect(await asJson(["dlt", command, ...where, "pool=team"])).toMatchObject({ exitCode: 2, data: typo });
  expect(await asJson(["dlt", "redrive", ...where, "--dry-run"])).toMatchObject({
    exitCode: 0,
    data: { chosen: 2, sent: 0 },
  });
  expect(await eventsOf(topic)).toEqual([]);

  expect(await asJson(["dlt", "redrive", ...where, "reason=not_json"])).toMatchObject({
    data: { chosen: 1, sent: 1 },
  });
  const [sent, ...others] = await eventsOf(topic);
  expect(others).toEqual([]);
  expect(sent?.value).toEqual(garbage);
  expect(sent?.headers).toEqual({ trace: "t", twice: "a,b" });

  // Repeated, it sends what was not sent, and nothing twice.
  expect(await asJson(["dlt", "redrive", ...where])).toMatchObject({
    exitCode: 0,
    data: { letters: 2, chosen: 1, sent: 1, alreadyRedriven: 1 },
  });
  expect(await asJson(["dlt", "redrive", ...where])).toMatchObject({ data: { chosen: 0, sent: 0 } });
  expect(await eventsOf(topic)).toHaveLength(2);
  expect(await asJson(["dlt", "list", ...where])).toMatchObject({ data: { total: 2, redriven: 2 } });
});

test("a cut letter is shown as what it is and never redriven", async () => {
  const topic = await parked([{ record: record(3, Buffer.alloc(100_000, "x")), cut: true }]);
  const redriven = await asJson(["dlt", "redrive", "--where", `topic=${topic}`]);
  expect(redriven).toMatchObject({ exitCode: 1, data: { chosen: 0, cut: [`${topic}/1@3`] } });
  expect(await eventsOf(topic)).toEqual([]);
  const { data } = await asJson(["dlt", "show", `${topic}/1@3`]);
  expect(data).toMatchObject({
    cut: { sizeBytes: 100_000 },
    remedy: expect.stringContaining("repair") as string,
  });
});

test("bytes that are no text are shown in hexadecimal, and nothing of them reaches the terminal", async () => {
  const topic = await parked([{ record: record(7, garbage) }]);
  const env = { KAFKA_BROKERS: inject("kafkaBrokers").join(",") };
  const { exitCode, stdout } = await freshet(["dlt", "show", `${topic}/1@7`], { env, isTTY: true });
  expect(exitCode).toBe(0);
  expect(stdout).toContain("ff 00 1b 5d 80");
  expect(stdout.replaceAll(/\x1b\[\d*m/g, "")).not.toContain("\x1b");
  const { data } = await asJson(["dlt", "show", `${topic}/1@7`]);
  expect(data["value"]).toEqual({ base64: garbage.toString("base64") });

  // Both positions lead to it, and each says which one it is.
  const [{ letter } = { letter: "" }] = data["pools"] as { letter: string }[];
  expect(letter).toMatch(new RegExp(`^${topic}\\.dlt/\\d@\\d$`));
  expect(stdout).toContain(`letter ${letter}`);
  expect((await asJson(["dlt", "show", letter])).data).toEqual(data);
  for (const [wrong, other] of [
    [`${topic}/1@8`, `${topic}.dlt`],
    [`${letter}9`, topic],
  ] as const)
    expect(await asJson(["dlt", "show", wrong])).toMatchObject({
      exitCode: 2,
      data: {
        error: { code: "LETTER_UNKNOWN", message: expect.stringMatching(`is one of ${other}$`) as string },
      },
    });
});

test("a record that no invalidator wrote, or that names another topic, is left alone", async () => {
  const topic = await parked([{ record: record(1, garbage) }]);
  const other = await freshTopic({ numPartitions: 1 });
  const publisher = createEventPublisher(testKafka());
  const letter = toDeadLetter(record(5, garbage), {
    topic: other,
    partition: 0,
    pool: "profiles",
    reason: "not_json",
    attempt: 1,
  });
  await publisher.publish([
    { ...letter, topic: `${topic}.dlt` },
    { topic: `${topic}.dlt`, key: null, value: "spam" },
  ]);
  await publisher.close();
  expect(await asJson(["dlt", "redrive", "--where", `topic=${topic}`])).toMatchObject({
    exitCode: 0,
    data: { letters: 1, sent: 1, foreign: 2 },
  });
  expect(await eventsOf(other)).toEqual([]);
});

test("Ctrl-C ends a redrive between two batches, and the next one sends the rest", async () => {
  const letters = Array.from({ length: 1_500 }, (_, offset) => ({ record: record(offset, garbage) }));
  const topic = await parked(letters);
  const stop = new AbortController();
  const env = { KAFKA_BROKERS: inject("kafkaBrokers").join(",") };
  const afterFirst = () => {
    stop.abort();
  };
  subscribe("freshet:kafka.sent", afterFirst);
  const args = ["dlt", "redrive", "--where", `topic=${topic}`];
  const { exitCode, stdout } = await freshet([...args, "--json"], { env, signal: stop.signal });
  unsubscribe("freshet:kafka.sent", afterFirst);
  expect({ exitCode, ...(JSON.parse(stdout) as object) }).toMatchObject({
    exitCode: 130,
    interrupted: true,
    sent: 500,
  });
  expect(await asJson(args)).toMatchObject({ exitCode: 0, data: { chosen: 1_000, sent: 1_000 } });
  expect(await eventsOf(topic)).toHaveLength(1_500);
});
