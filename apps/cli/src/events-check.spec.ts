import { parseManifest, poolsSchema } from "@freshet/contracts";
import { compile } from "@freshet/dependency-graph";
import { partitionOfKey } from "@freshet/kafka";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { codeBlocks } from "../../../scripts/docs/documents.ts";
import { freshet } from "../../../test/support/cli.ts";
import { EventsCheck } from "./events-check.ts";

const topic = "thing.events.v1";
const graph = compile(
  [
    {
      file: "s.yaml",
      manifest: parseManifest(
        {
          freshet: 1,
          service: "s",
          publishes: { ThingChanged: { entity: "thing", topic, fields: ["name"], routing: {} } },
          views: {
            thing: {
              key: "thing:{id}",
              pool: "p",
              dependsOn: [{ event: "ThingChanged", params: { id: "subject" } }],
            },
          },
        },
        "s.yaml",
      ),
    },
  ],
  poolsSchema.parse({ freshet: 1, pools: { p: { nodes: ["a:1"] } } }).pools,
);

function record(
  changes: {
    id?: string;
    version?: number;
    type?: string;
    key?: Buffer | null;
    partition?: number;
    value?: string;
  } = {},
) {
  const { id = "e-1", version = 1, type = "ThingChanged", key = Buffer.from("42") } = changes;
  const data = { version, change: "updated", changedFields: ["name"], before: {}, after: {} };
  const { value = JSON.stringify({ specversion: "1.0", id, source: "s", type, subject: "42", data }) } =
    changes;
  return {
    topic,
    partition: changes.partition ?? partitionOfKey(Buffer.from("42"), 12),
    offset: "7",
    timestamp: "1",
    key,
    value: Buffer.from(value),
  };
}

const check = () => new EventsCheck(graph, new Map([[topic, 12]]));

describe("EventsCheck", () => {
  it("knows the partition that Java's murmur2 gives a key", () => {
    // Utils.murmur2 of Kafka's own UtilsTest: "21" -973932308, "foobar" -790332482, "abc" 479470107.
    const partitions = ["21", "foobar", "abc"].map((key) => partitionOfKey(Buffer.from(key), 12));
    expect(partitions).toEqual([0, 6, 3]);
  });

  it.each<[string, Parameters<typeof record>[0], string[]]>([
    ["nothing of one that conforms", {}, []],
    ["that it is no JSON", { value: "no" }, ["not_json"]],
    ["its unknown type", { type: "Other" }, ["unknown_type"]],
    ["its missing key", { key: null }, ["missing_key"]],
    ["its foreign key", { key: Buffer.from("43") }, ["foreign_key"]],
    ["that it lies in another partition than its key's", { partition: 11 }, ["wrong_partition"]],
  ])("tells %s", (_, changes, codes) => {
    expect((check().see(record(changes))?.violations ?? []).map(({ code }) => code)).toEqual(codes);
  });

  it("counts what is wrong in the same way, and names the first three", () => {
    const all = check();
    for (let n = 1; n <= 5; n += 1) all.see(record({ id: `e-${n}`, version: 6 - n }));
    all.see(record({ id: "e-1", version: 5 }));
    const { data, problem } = all.report([topic]);
    const at = `${topic}/${record().partition}@7`;
    expect(problem).toBe(true);
    expect(data).toMatchObject({
      events: 6,
      conforming: 2,
      duplicates: 1,
      violations: [{ code: "falling_version", type: "ThingChanged", count: 4, examples: [at, at, at] }],
    });
  });

  it("tells a bounded number of things apart, however many names a publisher invents", () => {
    const all = check();
    for (let n = 0; n < 3_000; n += 1) all.see(record({ id: `e-${n}`, version: n + 1, type: `Other${n}` }));
    const { data } = all.report([topic]);
    const { violations } = data as { violations: { code: string; count: number }[] };
    expect(violations.length).toBeLessThanOrEqual(1_001);
    expect(violations[0]).toMatchObject({ code: "others", count: 2_000 });
  });
});

describe("freshet events verify", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const verify = (file: string, ...more: string[]) =>
    freshet(["events", "verify", file, ...more], { env: { MANIFESTS_DIR: `${root}deploy/manifests` } });

  it("takes the samples of docs/cli.md as it is written there", async () => {
    const block = codeBlocks("docs/cli.md").find(
      ({ note }) => note === "run by apps/cli/src/events-check.spec.ts",
    );
    const [, file = ""] = /^npm run freshet -- events verify (\S+)\n$/.exec(block?.text ?? "") ?? [];
    expect(await verify(root + file)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("3 events, 0 of them do not conform") as string,
    });
  });

  it("names what a view needs and one sample lacks, and ends with 1", async () => {
    const { exitCode, stdout } = await verify(`${root}docs/examples/profile-changed.json`);
    expect({ exitCode, wrong: stdout.includes("do not send") }).toEqual({ exitCode: 0, wrong: false });
    const sample = { specversion: "1.0", id: "1", source: "s", type: "ProfileChanged", subject: "42" };
    const data = {
      version: 1,
      change: "updated",
      before: { handle: "ada" },
      after: { handle: "ada", teamIds: [] },
    };
    const lacking = await freshet(["events", "verify", "-", "--manifests", `${root}deploy/manifests`], {
      stdin: JSON.stringify({ ...sample, data }),
    });
    expect(lacking.exitCode).toBe(1);
    expect(lacking.stdout).toContain("team_directory needs before.teamIds, which you do not send");
  });
});
