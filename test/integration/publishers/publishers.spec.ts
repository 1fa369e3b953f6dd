// Publishers in other languages on the real bus: their events are decoded, lie where kafkajs and Java would have put
// them, and delete what is cached.
import { copyFileSync, mkdtempSync } from "node:fs";
import { basename, join } from "node:path";
import { decodeChangeEvent } from "@freshet/contracts";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { manifestFile } from "../../../scripts/export-manifests.mjs";
import { ensureTopics } from "../../../scripts/local/topics.mjs";
import { readTopic } from "../../support/event-log.ts";
import { readKey, writeKey } from "../../support/memcached-inspector.ts";
import { uniqueName } from "../../support/names.ts";
import { ownDir } from "../../support/own-servers.ts";
import { System } from "../../support/system.ts";
import { freshTopic } from "../../support/topics.ts";
import { waitFor } from "../../support/wait-for.ts";
import { goPublisher, javaPublisher, type Mode, pythonPublisher } from "./languages.ts";

const partitions = 12;
const modes: readonly Mode[] = ["structured", "binary"];
const publishers = { Python: pythonPublisher(), Go: goPublisher(), Java: javaPublisher() };
let system: System;

beforeAll(async () => {
  const manifests = mkdtempSync(join(ownDir(), "manifests-"));
  const pools = join(manifestFile("profile-service"), "../pools.yaml");
  for (const file of [pools, manifestFile("profile-service"), manifestFile("team-service")])
    copyFileSync(file, join(manifests, basename(file)));
  await ensureTopics(inject("kafkaBrokers"), ["teams.events.v1"]);
  system = await System.create();
  await system.startInvalidator({ env: { MANIFESTS_DIR: manifests } });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

/** Where kafkajs puts a record of this key, which is where Java's client does. */
function partitionOf(topic: string, key: string): number {
  const metadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return kafkajs.Partitioners.DefaultPartitioner()({
    topic,
    partitionMetadata: metadata,
    message: { key, value: null },
  });
}

function event(type: string, subject: string, routing: object) {
  const data = { version: 7, change: "updated", changedFields: [], before: routing, after: routing };
  const time = "2026-11-22T20:00:00.000Z";
  return { specversion: "1.0", id: uniqueName("event"), source: "another", type, subject, time, data };
}

for (const [language, publisher] of Object.entries(publishers)) {
  if ("missing" in publisher)
    console.log(`the publisher in ${language} is not tested here: ${publisher.missing}`);
  const publish = "publish" in publisher ? publisher.publish : undefined;
  const brokers = inject("kafkaBrokers");

  describe.skipIf(!publish)(`a publisher in ${language}`, () => {
    const send = async (
      topic: string,
      mode: Mode,
      events: readonly object[],
      to = brokers.join(","),
      timeoutSeconds = 60,
    ) => {
      if (!publish) throw new Error("skipped");
      return await publish({ brokers: to, topic, mode, timeoutSeconds, events });
    };

    test("sends events in both modes that are decoded as they were, keyed by their entity, in murmur2's partition", async () => {
      const topic = await freshTopic({ numPartitions: partitions });
      const subjects = [
        "42",
        "a b",
        "Zürich",
        "成员",
        ...Array.from({ length: 20 }, (_, n) => `entity-${n}`),
      ];
      const events = modes.flatMap((mode) =>
        subjects.map((subject) => ({
          mode,
          event: event("ThingChanged", `${mode} ${subject}`, { slug: "é", tags: ["a"] }),
        })),
      );
      const lines: string[] = [];
      for (const mode of modes) {
        const run = await send(
          topic,
          mode,
          events.filter((one) => one.mode === mode).map((one) => one.event),
        );
        expect(run).toMatchObject({ exitCode: 0, stderr: "" });
        lines.push(...run.lines);
      }
      const records = await readTopic(brokers, topic);
      const decoded = records.map((record) => decodeChangeEvent(record));
      expect(decoded.filter(({ ok }) => !ok)).toEqual([]);
      const found = new Map(decoded.flatMap((one) => (one.ok ? [[one.event.id, one.event] as const] : [])));
      expect(found).toEqual(new Map(events.map((one) => [one.event.id, one.event])));
      for (const { key, partition, headers } of records) {
        expect([key, partition]).toEqual([key, partitionOf(topic, key ?? "")]);
        expect(headers["content-type"]).toBe(
          key?.startsWith("binary") === true ? "application/json" : "application/cloudevents+json",
        );
      }
      const places = records.map(({ partition, offset }, index) => {
        const one = decoded[index];
        return `${one?.ok === true ? one.event.id : ""} ${partition} ${offset}`;
      });
      expect(lines.sort()).toEqual(places.sort());
    });

    test.each(modes)(
      "deletes by a change of a profile and of a team what is cached of them: %s",
      async (mode) => {
        const [profile, team] = [uniqueName("profile"), uniqueName("team")];
        const keys = [
          ...system.nodeAddresses.map((node) => ({ node, key: `user_profile:${profile}` })),
          { node: system.teamsNode.address, key: `team_page:${team}` },
        ];
        for (const { node, key } of keys) await writeKey(node, key, "{}");
        await send("profile.events.v1", mode, [
          event("ProfileChanged", profile, { handle: profile, teamIds: [] }),
        ]);
        await send("teams.events.v1", mode, [event("TeamChanged", team, {})]);
        // The profile's key is deleted on the node that owns it.
        await waitFor(
          async () => {
            const texts = await Promise.all(keys.map(async ({ node, key }) => await readKey(node, key)));
            return texts.filter((text) => text === undefined).length >= 2 && texts.at(-1) === undefined;
          },
          { timeoutMs: 60_000, describe: "both keys to be gone" },
        );
      },
    );

    test("says that an event is not published when no broker answers, and what to do", async () => {
      const run = await send("things", "structured", [event("ThingChanged", "42", {})], "127.0.0.1:1", 3);
      expect(run.exitCode).toBe(1);
      expect(run.lines).toEqual([]);
      expect(run.stderr).toMatch(
        /Check that the broker answers and that the topic exists, then publish again/,
      );
    });
  });
}
