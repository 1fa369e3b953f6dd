// `freshet` against a real broker: every test has topics, groups and manifests of its own.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeChangeEvent } from "@freshet/contracts";
import { ensureTopics } from "@freshet/kafka";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { freshet } from "../../support/cli.ts";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";
import { publish, SpecConsumer, withAdmin } from "../kafka/support.ts";

const folder = mkdtempSync(join(tmpdir(), "freshet-cli-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let env: Record<string, string> = {};
beforeAll(() => {
  env = { KAFKA_BROKERS: inject("kafkaBrokers").join(","), DEPLOYMENT: uniqueName("cli") };
});

/** A manifests folder with one event, one view and one pool; the topic is not there yet. */
function manifests(): { topic: string; options: string[] } {
  const dir = mkdtempSync(join(folder, "manifests-"));
  const topic = `${uniqueName("cli")}.events.v1`;
  writeFileSync(join(dir, "pools.yaml"), "freshet: 1\npools: { p: { nodes: ['127.0.0.1:11211'] } }\n");
  const event = { entity: "thing", topic, fields: ["name"], routing: {} };
  const view = {
    key: "thing:{id}",
    pool: "p",
    dependsOn: [{ event: "ThingChanged", params: { id: "subject" } }],
  };
  const manifest = { freshet: 1, service: "s", publishes: { ThingChanged: event }, views: { thing: view } };
  writeFileSync(join(dir, "s.json"), JSON.stringify(manifest));
  return { topic, options: ["--manifests", dir] };
}

/** The same, with the topic created. */
async function ready(partitions = 1): Promise<{ topic: string; options: string[] }> {
  const made = manifests();
  await withAdmin((admin) => ensureTopics(admin, [{ topic: made.topic, partitions }]));
  return made;
}

async function asJson(args: readonly string[]): Promise<{ exitCode: number; data: unknown }> {
  const { exitCode, stdout } = await freshet([...args, "--json"], { env });
  return { exitCode, data: JSON.parse(stdout) };
}

function thing(subject: string, version: number): string {
  const data = { version, change: "updated" as const, changedFields: ["name"], before: {}, after: {} };
  const event = { specversion: "1.0" as const, id: uniqueName("e"), source: "s", type: "ThingChanged" };
  return encodeChangeEvent({ ...event, subject, data }).value;
}

test("topics ensure creates what is missing and nothing in a dry run, and names what differs", async () => {
  const { topic, options } = manifests();
  const ensure = (...more: string[]) => asJson(["topics", "ensure", ...options, ...more]);
  const state = (name: string, differences: string[] = []) => ({
    topics: [topic, `${topic}.dlt`].map((each) => ({ topic: each, state: name, differences })),
  });

  expect(await ensure("--dry-run")).toMatchObject({ exitCode: 1, data: state("missing") });
  expect(await withAdmin((admin) => admin.listTopics())).not.toContain(topic);
  expect(await ensure("--partitions", "2")).toMatchObject({ exitCode: 0, data: state("created") });
  expect(await ensure("--partitions", "2")).toMatchObject({ exitCode: 0, data: state("ok") });
  expect(await ensure()).toMatchObject({ exitCode: 1, data: state("differs", ["partitions: 2 → 12"]) });
  expect(await withAdmin((admin) => admin.fetchTopicOffsets(topic))).toHaveLength(2);
});

test("lag is right before a group exists, while it works and after it has died", async () => {
  const { topic, options } = await ready();
  const lag = () => asJson(["lag", ...options]);
  const pools = (partition: object, pool: object = {}) => [{ pool: "p", ...pool, partitions: [partition] }];
  await publish(topic, [thing("1", 1), thing("1", 2)]);

  const nobody = [{ problem: `nobody reads for freshet.${env["DEPLOYMENT"]}.p (Dead)` }];
  expect(await lag()).toMatchObject({
    exitCode: 1,
    data: { pools: pools({ committed: null, end: "2", lagMessages: 2, member: null }), problems: nobody },
  });

  const reader = new SpecConsumer({ topics: [topic], groupId: `freshet.${env["DEPLOYMENT"]}.p` });
  await reader.committedUpTo(topic, "2");
  const works = await lag();
  expect(works).toMatchObject({
    exitCode: 0,
    data: {
      pools: pools({ committed: "2", lagMessages: 0, lagSeconds: 0 }, { state: "Stable" }),
      problems: [],
    },
  });
  const { pools: found } = works.data as {
    pools: { members: { memberId: string }[]; partitions: object[] }[];
  };
  expect(found[0]?.partitions).toMatchObject([{ member: found[0]?.members[0]?.memberId, missed: {} }]);

  // What a node has missed stands in the commit, wherever its consumer is.
  reader.missed = { "n:1": 1n };
  await publish(topic, [thing("1", 3)]);
  await reader.committedUpTo(topic, "3");
  await reader.consumer.close();
  const before = Date.now();
  await publish(topic, [thing("1", 4), thing("1", 5), thing("1", 6)]);
  const dead = await lag();
  expect(dead).toMatchObject({
    exitCode: 1,
    data: {
      pools: pools({ committed: "3", end: "6", lagMessages: 3, missed: { "n:1": "1" } }, { members: [] }),
      problems: [
        { problem: expect.stringContaining("nobody reads for") as string },
        { problem: `n:1 has missed deletions (${topic}/0 since 1)` },
      ],
    },
  });
  const { pools: last } = dead.data as { pools: { lagSeconds: number }[] };
  // Not older than the broker's clock could have made it.
  expect(last[0]?.lagSeconds).toBeLessThanOrEqual((Date.now() - before) / 1_000);
  expect(last[0]?.lagSeconds).toBeGreaterThan(0);
});

test("lag finds the pools of a deployment without any manifest", async () => {
  const { topic } = await ready();
  const deployment = uniqueName("bare");
  await publish(topic, [thing("1", 1)]);
  await using reader = new SpecConsumer({ topics: [topic], groupId: `freshet.${deployment}.q` });
  await reader.committedUpTo(topic, "1");
  const bare = mkdtempSync(join(folder, "bare-"));
  writeFileSync(join(bare, "pools.yaml"), "freshet: 1\npools: {}\n");
  expect(await asJson(["lag", "--deployment", deployment, "--manifests", bare])).toMatchObject({
    exitCode: 0,
    data: { deployment, pools: [{ pool: "q", lagMessages: 0, partitions: [{ topic, committed: "1" }] }] },
  });
});

test("events tail shows what is there, undecodable records with their reason, and leaves no group behind", async () => {
  const { topic, options } = await ready();
  await publish(topic, [thing("42", 1), "\x1b]0;owned\x07", thing("42", 2), thing("7", 1)], "42");
  const tail = (...more: string[]) =>
    freshet(["events", "tail", ...options, "--from", "beginning", "--no-follow", ...more], { env });

  const { exitCode, stdout } = await tail();
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd().split("\n")).toEqual([
    expect.stringMatching(` ${topic}/0@0 ThingChanged 42 v1 updated: name$`),
    expect.stringMatching(` ${topic}/0@1 undecodable \\(not_json\\): .*; key 42, 10 bytes$`),
    expect.stringMatching(` ${topic}/0@2 ThingChanged 42 v2 updated: name$`),
    expect.stringMatching(` ${topic}/0@3 ThingChanged 7 v1 updated: name$`),
  ]);
  const offsets = ({ stdout: lines }: { stdout: string }) =>
    lines
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { offset: string }).offset);
  expect(offsets(await tail("--json", "--subject", "42"))).toEqual(["0", "1", "2"]);
  expect(offsets(await tail("--json", "--limit", "2"))).toEqual(["0", "1"]);
  expect(offsets(await tail("--json", "--from", "0@2"))).toEqual(["2", "3"]);

  const { groups } = await withAdmin((admin) => admin.listGroups());
  expect(groups.map(({ groupId }) => groupId)).not.toContain("freshet-joins-no-group");
});

test("events tail follows from the end on, over partitions, until Ctrl-C ends it with 0", async () => {
  const { topic, options } = await ready(3);
  await publish(topic, [thing("old", 1)]);
  const ctrlC = new AbortController();
  let seen = "";
  const tail = freshet(["events", "tail", ...options, "--topic", topic], {
    env,
    signal: ctrlC.signal,
    onOutput: (stdout) => {
      seen = stdout;
    },
  });
  // Where the end was when it began nobody outside knows: events are published until one is seen.
  let version = 0;
  await waitFor(
    async () => {
      version += 1;
      await publish(topic, [thing("new", version)], `key-${version}`);
      return seen.includes(" new v");
    },
    { timeoutMs: 60_000, describe: "an event that was published while it ran" },
  );
  ctrlC.abort();
  const { exitCode, stdout, stderr } = await tail;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).not.toContain(" old v");
});

test("events check tells which real events conform, why others do not and where they are, and ends with 1", async () => {
  const { topic, options } = await ready();
  await publish(topic, [thing("42", 1), thing("42", 3), "no event", thing("42", 2)], "42");
  const check = (...more: string[]) => asJson(["events", "check", ...options, ...more]);
  expect(await check("--from", "0@2")).toMatchObject({ exitCode: 1, data: { events: 2, conforming: 1 } });
  expect(await check()).toMatchObject({
    exitCode: 1,
    data: {
      topics: [topic],
      events: 4,
      conforming: 2,
      violations: [
        { code: "not_json", type: null, count: 1, examples: [`${topic}/0@2`] },
        { code: "falling_version", type: "ThingChanged", count: 1, examples: [`${topic}/0@3`] },
      ],
    },
  });
  const clean = await ready();
  await publish(clean.topic, [thing("42", 1)], "42");
  const { exitCode, stdout } = await freshet(["events", "check", ...clean.options], { env });
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: `${clean.topic}: 1 event, 1 conform, 0 do not; 0 duplicates\n`,
  });
});

test("events check follows, and shows at once what does not conform", async () => {
  const { topic, options } = await ready();
  await publish(topic, ["no event"], "42");
  const ctrlC = new AbortController();
  const { exitCode, stdout } = await freshet(["events", "check", ...options, "--follow", "--json"], {
    env,
    signal: ctrlC.signal,
    onOutput: () => {
      ctrlC.abort();
    },
  });
  const lines = stdout.trimEnd().split("\n");
  expect(exitCode).toBe(1);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { at: `${topic}/0@0`, violations: [{ code: "not_json" }] },
    { events: 1, conforming: 0 },
  ]);
});

test("events tail goes on at what is left when records were deleted, and says so", async () => {
  const { topic, options } = await ready();
  await publish(topic, [thing("1", 1), thing("1", 2), thing("1", 3)]);
  await withAdmin(async (admin) => {
    // deleteTopicRecords throws unless the topic's metadata was loaded before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "2" }] });
  });
  const args = ["events", "tail", ...options, "--from", "0@0", "--no-follow"];
  const { exitCode, stdout, stderr } = await freshet(args, { env });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`${topic}/0@2 ThingChanged 1 v3`);
  expect(stderr).toBe(`${topic}/0 holds 2 to 3: 0 is not there, going on at 2\n`);
});

test("a topic that is not there is named, and so is a view's in lag", async () => {
  const { topic, options } = manifests();
  const { exitCode, stderr } = await freshet(["events", "tail", ...options], { env });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`has no topic ${topic}\nCreate it with \`freshet topics ensure\``);
  const deployment = uniqueName("empty");
  expect(await asJson(["lag", ...options, "--deployment", deployment])).toMatchObject({
    exitCode: 1,
    data: {
      pools: [{ pool: "p", partitions: [] }],
      problems: [
        { problem: `there is no topic ${topic}` },
        { problem: `nobody reads for freshet.${deployment}.p (Dead)` },
      ],
    },
  });
});
