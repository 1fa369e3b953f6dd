import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { kafkaJarsDir } from "../../../scripts/local/kafka-jars.mjs";
import { cacheFolder, findPython, place } from "../../support/python.ts";

export type Mode = "structured" | "binary";

/** What a run of a publisher came to; `lines` are "id partition offset", one for each event that Kafka has. */
interface Run {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly stderr: string;
}

type Publish = (options: {
  brokers: string;
  topic: string;
  mode: Mode;
  timeoutSeconds: number;
  events: readonly object[];
}) => Promise<Run>;

/** A publisher of examples/, built; or why it can't be had here, and what to install. */
export type Publisher = { readonly publish: Publish } | { readonly missing: string };

const example = (path: string) => fileURLToPath(new URL(`../../../examples/${path}`, import.meta.url));

export function pythonPublisher(): Publisher {
  const python = findPython("python-publisher", "confluent_kafka");
  if ("missing" in python) return python;
  return byOptions("python3", [example("python-publisher/freshet_publisher.py")], {
    PYTHONPATH: python.path,
  });
}

export function goPublisher(): Publisher {
  const built = builtOnce("go-publisher", (target) => ["go", "build", "-o", target, "."]);
  return "missing" in built ? built : byOptions(built.path, []);
}

/** Built with the jars that the broker of the tests runs on. */
export function javaPublisher(): Publisher {
  const jars = `${kafkaJarsDir()}/*`;
  const built = builtOnce("java-publisher", (target) => [
    "javac",
    "-cp",
    jars,
    "-d",
    target,
    "Publisher.java",
  ]);
  if ("missing" in built) return built;
  const args = ["-XX:TieredStopAtLevel=1", "-cp", `${built.path}:${jars}`, "Publisher"];
  return {
    publish: ({ brokers, topic, mode, timeoutSeconds, events }) =>
      run("java", [...args, brokers, topic, mode, String(timeoutSeconds)], events),
  };
}

/** Builds an example once for each state of its sources, into the user's cache folder. */
function builtOnce(
  name: string,
  command: (target: string) => readonly [string, ...string[]],
): { readonly path: string } | { readonly missing: string } {
  const cwd = example(name);
  const sources = readdirSync(cwd).filter((file) => /\.(go|mod|sum|java)$/.test(file));
  const hash = createHash("sha256");
  for (const file of sources.sort()) hash.update(readFileSync(join(cwd, file)));
  const path = cacheFolder(`${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(path)) return { path };
  mkdirSync(cacheFolder(""), { recursive: true });
  const draft = `${path}.building-${process.pid}`;
  const [compiler, ...args] = command(draft);
  const { error, status, stderr } = spawnSync(compiler, args, { cwd, encoding: "utf8", timeout: 300_000 });
  if (error)
    return { missing: `${compiler}: ${error.message}; apt-get install golang-go default-jdk-headless` };
  if (status !== 0) return { missing: `${compiler} could not build it: ${stderr}` };
  place(draft, path);
  return { path };
}

function byOptions(command: string, args: readonly string[], env: Record<string, string> = {}): Publisher {
  return {
    publish: ({ brokers, topic, mode, timeoutSeconds, events }) =>
      run(
        command,
        [
          ...args,
          "--brokers",
          brokers,
          "--topic",
          topic,
          "--mode",
          mode,
          "--timeout",
          String(timeoutSeconds),
        ],
        events,
        env,
      ),
  };
}

async function run(
  command: string,
  args: readonly string[],
  events: readonly object[],
  env: Record<string, string> = {},
): Promise<Run> {
  return await new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 120_000 };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const exitCode = typeof error?.code === "number" ? error.code : error ? -1 : 0;
      resolve({ exitCode, lines: stdout.split("\n").filter((line) => /^\S+ \d+ \d+$/.test(line)), stderr });
    });
    child.stdin?.end(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  });
}
