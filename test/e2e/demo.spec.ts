import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ownDir } from "../support/own-servers.ts";
import { waitFor } from "../support/wait-for.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const idleInvalidator = fileURLToPath(new URL("idle-invalidator.mjs", import.meta.url));
// A hang is cut off by this; on two busy cores the demo takes a minute and a half.
const timeoutMs = 300_000;

/** Starts the demo with its temporary data below this spec's folder. */
function startDemo(...args: string[]) {
  const child = spawn(process.execPath, ["scripts/demo.mjs", "--no-install", ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: ownDir() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const ended = once(child, "close").then(([code]: unknown[]) => code);
  return { child, ended, output: () => output };
}

/** The temporary folders of demos that are there. */
function demoFolders(): string[] {
  return readdirSync(ownDir()).filter((name) => name.startsWith("freshet-demo-"));
}

/** Every living process that descends from this one. */
function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

test("the demo sees every step and leaves nothing behind", { timeout: timeoutMs }, async () => {
  const demo = startDemo();
  const code = await demo.ended;
  expect(demo.output()).toContain("Every step was seen");
  expect(code).toBe(0);
  expect(demoFolders()).toEqual([]);
});

test(
  "the demo fails, and says where, when the invalidator is ready but does nothing",
  { timeout: timeoutMs },
  async () => {
    const demo = startDemo(`--invalidator=${idleInvalidator}`);
    const code = await demo.ended;
    const output = demo.output();
    expect(output).toContain("FAILED at step 3. The bus on");
    expect(output).toMatch(/expected: user_profile:123 gone from 127\.0\.0\.1:\d+ .*\n +saw: +Ada\n/);
    expect(code).toBe(1);
    const logs = /logs: +(\S+)/.exec(output)?.[1] ?? "";
    expect(readdirSync(logs)).toContainEqual(expect.stringMatching(/^invalidator-.*\.log$/));
    rmSync(dirname(logs), { recursive: true });
  },
);

test("Ctrl-C in the middle of the demo leaves nothing behind", { timeout: timeoutMs }, async () => {
  const demo = startDemo();
  const reached = () => demo.output().includes("2. An update");
  await Promise.race([waitFor(reached, { timeoutMs, describe: "the second step" }), demo.ended]);
  expect(demo.output()).toContain("2. An update");
  const processes = descendants(Number(demo.child.pid));
  expect(processes.length).toBeGreaterThan(4);
  demo.child.kill("SIGINT");
  expect(await demo.ended).toBe(130);
  expect(processes.filter((pid) => existsSync(join("/proc", String(pid))))).toEqual([]);
  expect(demoFolders()).toEqual([]);
});
