import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@freshet/config";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "./config.ts";

const needed = {
  DATABASE_URL: "postgres://user:secret@db:5432/profiles",
  KAFKA_BROKERS: "kafka:9092",
  MEMCACHED_PROFILES: "cache-1:11211,cache-2:11211",
  MEMCACHED_TEAMS: "cache-3:11211",
};

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test("four variables are enough; the rest has the documented defaults", () => {
  expect(readConfig(needed)).toMatchObject({
    port: 3000,
    internalPort: 3100,
    outboxRelay: true,
    writerDelete: true,
    stopTimeoutMs: 12_000,
    logLevel: "info",
    pools: {
      profiles: { nodes: needed.MEMCACHED_PROFILES, previousNodes: "" },
      teams: { nodes: needed.MEMCACHED_TEAMS, previousNodes: "" },
    },
    kafka: { brokers: ["kafka:9092"] },
  });
});

test("every wrong variable is named at once, with what it has to be, and no secret is shown", () => {
  const problems = problemsOf({
    DATABASE_URL: "mysql://user:secret@db/profiles",
    MEMCACHED_PROFILES: needed.MEMCACHED_PROFILES,
    MEMCACHED_TEAMS: needed.MEMCACHED_TEAMS,
    OUTBOX_RELAY: "maybe",
    WRITER_DELETE: "0",
    PORT: "http",
  });
  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "DATABASE_URL",
    "KAFKA_BROKERS",
    "PORT",
    "OUTBOX_RELAY",
    "WRITER_DELETE",
  ]);
  expect(problems.join("\n")).not.toContain("secret");
  expect(problems.join("\n")).toContain("OUTBOX_RELAY: must be on or off");
});

test("the connection string may stand in a file", () => {
  const dir = mkdtempSync(join(tmpdir(), "freshet-"));
  onTestFinished(() => {
    rmSync(dir, { recursive: true });
  });
  const file = join(dir, "url");
  writeFileSync(file, `${needed.DATABASE_URL}\n`);
  const { DATABASE_URL: url, ...others } = needed;
  expect(readConfig({ ...others, DATABASE_URL_FILE: file }).databaseUrl).toBe(url);
});

test("in production the internal views have a token", () => {
  expect(problemsOf({ ...needed, NODE_ENV: "production" })).toEqual([
    expect.stringMatching(/^INTERNAL_TOKEN: is not set\. .*INTERNAL_TOKEN_FILE/),
  ]);
  const production = { ...needed, NODE_ENV: "production", INTERNAL_TOKEN: "s3cret" };
  expect(readConfig(production).internalToken).toBe("s3cret");
  expect(problemsOf({ ...needed, INTERNAL_TOKEN: "two words" })).toEqual([
    expect.stringMatching(/^INTERNAL_TOKEN: must be printable ASCII without blanks/),
  ]);
});
