// `freshet doctor` against real servers in which something is wrong, one planted misconfiguration at a time.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEventPublisher, ensureTopics, toDeadLetter, toReceipt } from "@freshet/kafka";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrate } from "../../../scripts/local/apps.mjs";
import { freshet } from "../../support/cli.ts";
import { freshDatabase } from "../../support/database.ts";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";
import { publish, SpecConsumer, testKafka, withAdmin } from "../kafka/support.ts";

interface Finding {
  readonly check: string;
  readonly of: string;
  readonly level: string;
  readonly says: string;
  readonly mend: string | null;
}

const folder = mkdtempSync(join(tmpdir(), "freshet-doctor-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let nodes: readonly string[] = [];
let env: Record<string, string> = {};
beforeAll(() => {
  nodes = inject("memcachedNodes");
  env = { KAFKA_BROKERS: inject("kafkaBrokers").join(","), DEPLOYMENT: uniqueName("doctor") };
});

/** A manifests folder with one view of each of these topics, in one pool of the shared nodes. */
function manifests(topics: readonly string[]): string {
  const dir = mkdtempSync(join(folder, "manifests-"));
  writeFileSync(join(dir, "pools.yaml"), JSON.stringify({ freshet: 1, pools: { p: { nodes } } }));
  const names = topics.map((topic, at) => ({ topic, type: `Thing${at}Changed`, view: `thing${at}` }));
  writeFileSync(
    join(dir, "s.json"),
    JSON.stringify({
      freshet: 1,
      service: "s",
      publishes: Object.fromEntries(
        names.map(({ topic, type }) => [type, { entity: "thing", topic, fields: ["name"], routing: {} }]),
      ),
      views: Object.fromEntries(
        names.map(({ type, view }) => [
          view,
          { key: `${view}:{id}`, pool: "p", dependsOn: [{ event: type, params: { id: "subject" } }] },
        ]),
      ),
    }),
  );
  return dir;
}

function topicName(): string {
  return `${uniqueName("doctor")}.events.v1`;
}

async function doctor(dir: string, more: Record<string, string> = {}, ...args: readonly string[]) {
  const { exitCode, stdout } = await freshet(["doctor", "--manifests", dir, "--json", ...args], {
    env: { ...env, ...more },
  });
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { exitCode, findings };
}

/** Each as `level check of: says → mend`, but for those that are well. */
function wrong(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ check, of, level, says, mend }) => `${level} ${check} ${of}: ${says} → ${String(mend)}`);
}

test("what is well is told so, and the one fault there is, another node list, as the only problem", async () => {
  const topic = topicName();
  await withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1 }]));
  await publish(topic, ["{}"]);
  const groupId = `freshet.${env["DEPLOYMENT"] ?? ""}.p`;
  await using reader = new SpecConsumer({ topics: [topic], groupId });
  await reader.committedUpTo(topic, "1");
  const databaseUrl = await freshDatabase();
  await migrate(databaseUrl);

  const dir = manifests([topic]);
  const { findings } = await doctor(dir, { DATABASE_URL: databaseUrl }, "--partitions", "1");
  const well = findings.filter(({ level }) => level === "ok").map(({ check, of }) => `${check} ${of}`.trim());
  expect(well).toEqual([
    "versions",
    `manifests ${dir}`,
    `Kafka ${env["KAFKA_BROKERS"] ?? ""}`,
    `topic ${topic}`,
    `topic ${topic}.dlt`,
    `group ${groupId}`,
    "permissions Kafka",
    "clock Kafka",
    "letters Kafka",
    ...nodes.map((node) => `memcached ${node} (pool p)`),
    `PostgreSQL ${new URL(databaseUrl).host}`,
    `clock PostgreSQL ${new URL(databaseUrl).host}`,
    `outbox ${new URL(databaseUrl).host}`,
  ]);
  // The consumer of this spec commits under a list of its own, and here it is found.
  expect(wrong(findings)).toEqual([
    expect.stringMatching(
      /^problem node lists pool p: commits of \S+: ab12cd34, and here it is [0-9a-f]{8} .*→ give both the same MEMCACHED_P /,
    ) as string,
  ]);
});

test("an event that was given up is told until it is redriven", async () => {
  const topic = topicName();
  await withAdmin((admin) => ensureTopics(admin, [{ topic, partitions: 1 }]));
  const [at, undecodable] = [{ topic, partition: 0, pool: "p", attempt: 1 }, Buffer.from("{")];
  const messages = ["3", "4"].map((offset) =>
    toDeadLetter(
      { key: null, value: undecodable, offset, headers: {}, timestamp: "0", attributes: 0 },
      { ...at, reason: "not_json" },
    ),
  );
  const publisher = createEventPublisher(testKafka());
  await waitFor(() => publisher.publish([...messages, toReceipt(topic, [`${topic}/0@3`])]), {
    describe: "the letters to be parked",
  });
  const letters = async () => {
    const { findings } = await doctor(manifests([topic]), {}, "--partitions", "1");
    return findings.filter(({ check }) => check === "letters").map(({ level, says }) => `${level}: ${says}`);
  };
  expect(await letters()).toEqual(["warning: 1 dead letter not redriven"]);
  await publisher.publish([toReceipt(topic, [`${topic}/0@4`])]);
  await publisher.close();
  expect(await letters()).toEqual(["ok: no dead letter waits"]);
});

test("each of several things that are wrong is found with its remedy, and hides no other", async () => {
  const [short, stamped, unlettered, absent] = [topicName(), topicName(), topicName(), topicName()];
  await withAdmin(async (admin) => {
    await ensureTopics(admin, [
      { topic: short, partitions: 1, retentionMs: 60_000 },
      { topic: stamped, partitions: 1, config: { "message.timestamp.type": "CreateTime" } },
    ]);
    await admin.createTopics({ topics: [{ topic: unlettered, numPartitions: 1 }] });
  });
  const { exitCode, findings } = await doctor(
    manifests([short, stamped, unlettered, absent]),
    {
      MEMCACHED_P: `${nodes[0] ?? ""},127.0.0.1:1`,
      MEMCACHED_PEOPLE: "127.0.0.1:1",
      DATABASE_URL: await freshDatabase(),
    },
    ...["--service", "http://127.0.0.1:1", "--partitions", "1"],
  );
  expect(exitCode).toBe(1);
  const found = wrong(findings);
  for (const expected of [
    new RegExp(`^problem topic ${short}: retention\\.ms is 60000 .*retention\\.ms=604800000$`, "m"),
    new RegExp(`^problem topic ${stamped}: .*LogAppendTime.*message\\.timestamp\\.type=LogAppendTime$`, "m"),
    new RegExp(`^problem topic ${unlettered}\\.dlt: it is not there → .*freshet topics ensure`, "m"),
    new RegExp(`^problem topic ${absent}: it is not there → .*freshet topics ensure`, "m"),
    /^problem group freshet\.\S+\.p: nobody reads for .*→ start an invalidator/m,
    /^problem memcached 127\.0\.0\.1:1 \(pool p\): .*ECONNREFUSED.*→ Check that memcached runs/m,
    /^problem outbox \S+: it has no outbox_events → copy schema\.sql/m,
    /^problem service http:\/\/127\.0\.0\.1:1: .*→ Check that the service runs/m,
    /^warning node lists MEMCACHED_PEOPLE: .*→ name one of MEMCACHED_P/m,
  ])
    expect(found.join("\n")).toMatch(expected);
  expect(findings.filter(({ level }) => level === "ok").map(({ of }) => of)).toContain(
    `${nodes[0] ?? ""} (pool p)`,
  );
});

test("servers that do not answer are told within their time, manifests that are wrong with their path", async () => {
  const dir = manifests([topicName()]);
  writeFileSync(
    join(dir, "t.json"),
    JSON.stringify({ freshet: 1, service: "t", views: { v: { key: "v" } } }),
  );
  const { exitCode, findings } = await doctor(
    dir,
    { KAFKA_BROKERS: "127.0.0.1:1", DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" },
    ...["--timeout", "2"],
  );
  expect(exitCode).toBe(1);
  expect(wrong(findings)).toEqual([
    expect.stringMatching(/^problem manifests \S+: \S+t\.json: views\.v\.pool: /) as string,
    expect.stringMatching(/^problem Kafka 127\.0\.0\.1:1: .*→ Check that the brokers run/) as string,
    expect.stringMatching(/^warning topic : not looked at/) as string,
    expect.stringMatching(/^problem PostgreSQL 127\.0\.0\.1:1: .*→ Check DATABASE_URL/) as string,
  ]);
});
