// The auditor on real servers: a healthy bus is reported by nothing, and each of four planted faults by its evidence.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { type AuditorStatus, auditorStatus } from "../../apps/auditor/src/operator/status.ts";
import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { query } from "../../scripts/local/postgres.mjs";
import { untilQuiet } from "../support/checker.ts";
import { readKey } from "../support/memcached-inspector.ts";
import { uniqueName } from "../support/names.ts";
import { ownBroker } from "../support/own-servers.ts";
import { System } from "../support/system.ts";
import { Traffic } from "../support/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

const horizonSeconds = 3;
const loweringRefresh = fileURLToPath(new URL("lowering-refresh.mjs", import.meta.url));
const published = z.fromJSONSchema(
  JSON.parse(
    readFileSync(new URL("../../docs/schemas/audit.schema.json", import.meta.url), "utf8"),
  ) as Parameters<typeof z.fromJSONSchema>[0],
);

test("a healthy run is reported by nothing, and an invalidator that stands still, a wrong node, a dropped event and a refresh that lowers each by the step that is late", async () => {
  // A broker of its own: checks of other specs' events would never come to an end.
  const broker = await ownBroker();
  await using system = await System.create({ brokers: [broker.address] });
  const [service, invalidator, auditor] = await Promise.all([
    system.startService(),
    system.startInvalidator(),
    system.startAuditor({ env: { AUDIT_HORIZONS_SECONDS: String(horizonSeconds) } }),
  ]);
  const statusOf = async (): Promise<AuditorStatus> => {
    const body: unknown = await (await fetch(`${auditor.url}/status`)).json();
    const status = auditorStatus.parse(body);
    expect(status).toEqual(body);
    expect(published.safeParse(body).error).toBeUndefined();
    return status;
  };
  const untilIdle = () =>
    waitFor(async () => ((await statusOf()).pending === 0 ? true : undefined), {
      timeoutMs: 90_000,
      describe: "every check to end",
    });
  const freshChecks = ({ shares }: AuditorStatus) =>
    shares.reduce((sum, { counts }) => sum + counts.fresh, 0);

  // Healthy: a round of which every deletion was done well before its check. The auditor reads from when it joined.
  const traffic = new Traffic(service.url, { profiles: 10 });
  await traffic.createAll();
  await untilQuiet(system);
  await waitFor(
    async () => {
      await traffic.cacheAll();
      await untilIdle();
      const before = await statusOf();
      const startedMs = Date.now();
      await traffic.touchAll();
      await untilQuiet(system);
      if (Date.now() - startedMs > (horizonSeconds * 1_000) / 2) return undefined; // a busy machine: once more
      await untilIdle();
      const after = await statusOf();
      expect(after.violations).toEqual(before.violations);
      return freshChecks(after) > freshChecks(before) ? after : undefined;
    },
    { timeoutMs: 120_000, describe: "a healthy round that the auditor has checked" },
  );

  const send = async (method: string, path: string, body?: object): Promise<Response> => {
    const answer = await fetch(`${service.url}/profiles${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    expect(answer.ok).toBe(true);
    await answer.arrayBuffer();
    return answer;
  };
  const change = (id: string) => send("PATCH", `/${id}`, { displayName: uniqueName("name") });
  /** A new profile that is cached, and the node that has it. */
  const cached = async () => {
    const id = uniqueName("audited");
    const key = `user_profile:${id}`;
    await send("POST", "", { id, handle: id, displayName: "Ada" });
    await waitFor(async () => (await send("GET", `/${id}`)).headers.get("x-cache") === "HIT", {
      timeoutMs: 60_000,
      describe: "a hit",
    });
    const texts = await Promise.all(system.nodeAddresses.map((node) => readKey(node, key)));
    const at = texts.findIndex((text) => text !== undefined);
    return { id, key, node: system.nodeAddresses[at] ?? "" };
  };
  const reported = (key: string, late: string) =>
    waitFor(
      async () => (await statusOf()).violations.find((found) => found.key === key && found.late === late),
      { timeoutMs: 90_000, describe: `a report of ${key}, ${late}` },
    );
  const evidence = (key: string, node: string) => ({
    pool: "profiles",
    view: "user_profile",
    key,
    node,
    horizonSeconds,
    cachedVersion: 1,
    committedVersion: 2,
    event: { topic: system.topic },
  });

  // The invalidator stands still.
  const frozen = await cached();
  await untilQuiet(system);
  invalidator.pause();
  await change(frozen.id);
  const still = await reported(frozen.key, "consume");
  expect(still).toMatchObject(evidence(frozen.key, frozen.node));
  expect(still.seenAfterSeconds).toBeGreaterThanOrEqual(horizonSeconds);
  invalidator.resume();
  await untilQuiet(system);

  // It deletes on one node alone, and readers ask another one.
  await invalidator.stop();
  const [onlyNode] = system.nodeAddresses;
  const wrong = await system.startInvalidator({ env: { MEMCACHED_PROFILES: onlyNode ?? "" } });
  const elsewhere = await waitFor(
    async () => {
      const misplaced = await cached();
      if (misplaced.node === onlyNode) return undefined; // this one it deletes
      await untilQuiet(system);
      await change(misplaced.id);
      await untilIdle();
      const found = (await statusOf()).violations.find(({ key }) => key === misplaced.key);
      // On a busy machine the check may come before the deletion.
      return found?.late === "topology" ? { found, misplaced } : undefined;
    },
    { timeoutMs: 120_000, describe: "a deletion on the wrong node to be reported" },
  );
  expect(elsewhere.found).toMatchObject(evidence(elsewhere.misplaced.key, elsewhere.misplaced.node));
  await wrong.stop();

  // An event is dropped: somebody moves the group to the end, past it.
  const moved = await waitFor(
    async () => {
      const dropped = await cached();
      await change(dropped.id);
      await waitFor(
        async () => (await query(system.databaseUrl, "SELECT FROM outbox_events LIMIT 1")).rowCount === 0,
        { timeoutMs: 60_000, describe: "the event to be published" },
      );
      await kafkaAdmin([...system.brokers], async (admin) => {
        const ends = await admin.fetchTopicOffsets(system.topic);
        const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
        await admin.setOffsets({ groupId: system.groups.profiles, topic: system.topic, partitions });
      });
      await untilIdle();
      const found = (await statusOf()).violations.find(({ key }) => key === dropped.key);
      return found?.late === "moved" ? { found, dropped } : undefined;
    },
    { timeoutMs: 120_000, describe: "a dropped event to be reported" },
  );
  expect(moved.found).toMatchObject(evidence(moved.dropped.key, moved.dropped.node));

  // A refresh that lowers: the second change's is overwritten by what the first one's had stored.
  await system.startInvalidator({ env: { REFRESH: "on" }, nodeArgs: ["--import", loweringRefresh] });
  const report = await waitFor(
    async () => {
      const lowered = await cached();
      for (let changes = 0; changes < 2; changes += 1) {
        await change(lowered.id);
        await untilQuiet(system);
      }
      await untilIdle();
      const found = (await statusOf()).violations.find(({ key }) => key === lowered.key);
      // On a busy machine a refresh may come too late, and be a deletion.
      return found === undefined ? undefined : { found, lowered };
    },
    { timeoutMs: 120_000, describe: "a refresh that lowers to be reported" },
  );
  expect(report.found).toMatchObject({
    ...evidence(report.lowered.key, report.lowered.node),
    cachedVersion: 2,
    committedVersion: 3,
    late: "acknowledged",
  });

  const secondsAfter = [still, elsewhere.found, moved.found, report.found].map(
    ({ late, seenAfterSeconds }) => `${late} ${seenAfterSeconds.toFixed(1)}`,
  );
  console.log(
    `reported so many seconds after the event, at a horizon of ${horizonSeconds}:`,
    ...secondsAfter,
  );
});
