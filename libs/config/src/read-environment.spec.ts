import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, readEnvironment } from "./read-environment.ts";
import { deployment, kafkaSettings, listOf, port } from "./settings.ts";

const schema = z.object({
  PORT: port(3000, "Public port"),
  TOKEN: z.string().optional().describe("A secret"),
  BROKERS: listOf("Brokers as host:port"),
});

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readEnvironment(schema, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe("readEnvironment", () => {
  it("names every wrong variable at once, with its meaning", () => {
    expect(problemsOf({ PORT: "http" })).toEqual([
      "PORT: is not a port number. Public port",
      "BROKERS: is not set. Brokers as host:port",
    ]);
  });

  it.each(["nohost", "kafka-1", "http://kafka-1:9092", "a:1,b"])(
    "takes %s for no list of brokers",
    (brokers) => {
      const { KAFKA_BROKERS } = kafkaSettings;
      expect(() => readEnvironment(z.object({ KAFKA_BROKERS }), { KAFKA_BROKERS: brokers })).toThrow(
        "KAFKA_BROKERS: names one that is no host:port, such as kafka-1:9092. Kafka brokers as host:port",
      );
    },
  );

  it("counts an empty variable as absent, so that its default holds", () => {
    expect(readEnvironment(schema, { PORT: "", BROKERS: "a:1, b:2" })).toEqual({
      PORT: 3000,
      BROKERS: ["a:1", "b:2"],
    });
  });

  it("reads a secret from the file that <NAME>_FILE names, without its line end", () => {
    const file = join(mkdtempSync(join(tmpdir(), "freshet-")), "token");
    writeFileSync(file, "s3cret\n");
    expect(readEnvironment(schema, { BROKERS: "a:1", TOKEN_FILE: file }).TOKEN).toBe("s3cret");
    expect(problemsOf({ BROKERS: "a:1", TOKEN: "x", TOKEN_FILE: file })).toEqual([
      "TOKEN and TOKEN_FILE are both set: keep one of them",
    ]);
    expect(problemsOf({ BROKERS: "a:1", TOKEN_FILE: `${file}.missing` })[0]).toContain("cannot be read");
  });

  it("demands a deployment name in production and calls it local elsewhere", () => {
    expect(deployment(false).parse(undefined)).toBe("local");
    expect(deployment(true).safeParse(undefined).success).toBe(false);
  });
});
