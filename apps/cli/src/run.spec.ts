import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { freshet } from "../../../test/support/cli.ts";
import { commandPaths } from "./program.ts";

describe("freshet", () => {
  it.each(commandPaths().map((path) => [path.join(" ")]))(
    "%s --help shows examples of it and exits with 0",
    async (path) => {
      const { exitCode, stdout } = await freshet([...path.split(" "), "--help"]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`\nExamples:\n  $ freshet ${path}`);
    },
  );

  it.each([
    [["lgg"], "Did you mean lag?"],
    [["lag", "--jsn"], "Did you mean --json?"],
    [["events", "tial"], "Did you mean tail?"],
    [["lag", "--timeout", "soon"], "It must be a number above 0."],
    [["status", "--url", "localhost:3001"], "It must be a URL such as"],
  ])("answers %j with exit code 2 and %s", async (args, message) => {
    const { exitCode, stdout, stderr } = await freshet(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  it("shows its help on standard error when a command is missing", async () => {
    for (const args of [[], ["events"]]) {
      const { exitCode, stdout, stderr } = await freshet(args);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toMatch(/^Usage: freshet/);
    }
  });

  it("tells errors as JSON where a machine listens", async () => {
    const { exitCode, stdout, stderr } = await freshet(["lag", "--json", "--pol", "p"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "CLI_USAGE", message: "unknown option '--pol' (Did you mean --pool?)" },
    });
  });

  it("names a wrong variable of the environment, never a secret", async () => {
    const env = { KAFKA_SASL_MECHANISM: "magic", KAFKA_SASL_PASSWORD: "s3cret" };
    const { exitCode, stderr } = await freshet(["lag"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("KAFKA_SASL_MECHANISM: must be plain, scram-sha-256 or scram-sha-512");
    expect(stderr).not.toContain("s3cret");
  });

  it("demands a deployment's name in production, as the invalidator does", async () => {
    const { exitCode, stderr } = await freshet(["lag"], { env: { NODE_ENV: "production" } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("DEPLOYMENT: is not set");
  });

  it("names a broker and an invalidator that do not answer, and what to do", async () => {
    const lag = await freshet(["lag", "--brokers", "127.0.0.1:1"]);
    expect(lag.exitCode).toBe(2);
    expect(lag.stderr).toMatch(/^freshet: 127\.0\.0\.1:1: .*ECONNREFUSED.*\nCheck that the brokers run/);
    const status = await freshet(["status", "--url", "http://127.0.0.1:1", "--json"]);
    expect(status.exitCode).toBe(2);
    expect(JSON.parse(status.stdout)).toMatchObject({ error: { code: "INVALIDATOR_UNREACHABLE" } });
  });

  it("says in doctor of a database that nobody named that it was not looked at, which is no problem", async () => {
    const { stdout } = await freshet(["doctor", "--brokers", "127.0.0.1:1", "--timeout", "1", "--json"]);
    const { findings } = JSON.parse(stdout) as { findings: { check: string; mend: string | null }[] };
    expect(findings.filter(({ check }) => check === "PostgreSQL")).toEqual([
      {
        check: "PostgreSQL",
        of: "",
        level: "warning",
        says: "not looked at: DATABASE_URL is not set",
        mend: expect.stringContaining("DATABASE_URL_FILE") as string,
      },
    ]);
  });

  it("needs no Nest: none of its dependencies leads there", () => {
    interface Locked {
      readonly dependencies?: Record<string, string>;
      readonly link?: boolean;
      readonly resolved?: string;
    }
    const lock = JSON.parse(readFileSync(new URL("../../../package-lock.json", import.meta.url), "utf8")) as {
      packages: Record<string, Locked>;
    };
    const seen = new Set<string>();
    const visit = (name: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      const entry = lock.packages[`node_modules/${name}`];
      const target = entry?.link === true ? lock.packages[entry.resolved ?? ""] : entry;
      for (const next of Object.keys(target?.dependencies ?? {})) visit(next);
    };
    visit("@freshet/cli");
    expect([...seen].sort()).toContain("kafkajs");
    expect([...seen].filter((name) => name.startsWith("@nestjs/") || name === "rxjs")).toEqual([]);
  });
});
