// The built command, as npm installs it: what only a process of its own can show.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { publish } from "../integration/kafka/support.ts";
import { freshTopic } from "../support/topics.ts";
import { waitFor } from "../support/wait-for.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = fileURLToPath(new URL("../../apps/cli/bin/freshet.js", import.meta.url));
const manifests = fileURLToPath(new URL("../../deploy/manifests", import.meta.url));
const example = fileURLToPath(new URL("../../docs/examples/profile-changed.json", import.meta.url));

/** Starts `freshet`; `ended` says how it ended and what it wrote. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      MANIFESTS_DIR: manifests,
      KAFKA_BROKERS: inject("kafkaBrokers").join(","),
    },
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk: Buffer) => {
      written[name] += chunk.toString();
    });
  const ended = once(child, "close").then(([code]: unknown[]) => ({ code, ...written }));
  return { child, written, ended };
}

test("plans an event without a server", async () => {
  const { code, stdout, stderr } = await start("plan", example).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(" user_profile:42 ");
});

test("exports typed views of a TypeScript module as the file that the invalidator loads", async () => {
  const file = join(manifests, "profile-service.yaml");
  const from = ["apps/profile-service/src/views.ts", "--schema", "docs/schemas/manifest.schema.json"];
  const answer = start("manifests", "export", ...from, "--check", file);
  expect(await answer.ended).toEqual({ code: 0, stdout: "", stderr: "" });
});

test("ends quietly when nobody reads its output any more", async () => {
  const { child, written, ended } = start("lag", "--watch", "--interval", "0.1");
  await waitFor(() => written.stdout !== "", {
    timeoutMs: 60_000,
    describe: "the first round of lag --watch",
  });
  child.stdout.destroy();
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain("EPIPE");
});

test("ends with 0 at Ctrl-C while it follows events", async () => {
  const topic = await freshTopic({ numPartitions: 1 });
  await publish(topic, ["not an event"]);
  const { child, written, ended } = start("events", "tail", "--topic", topic, "--from", "beginning");
  await waitFor(() => written.stdout.includes("undecodable (not_json)"), {
    timeoutMs: 60_000,
    describe: "the event that is there",
  });
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0 });
});
