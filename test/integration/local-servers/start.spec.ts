// npm start as a user meets it: a child process, its output, what it leaves behind.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, inject, onTestFinished, test } from "vitest";
import { freePort } from "../../../scripts/local/ports.mjs";
import { freshDatabase } from "../../support/database.ts";
import { uniqueName } from "../../support/names.ts";
import { waitFor } from "../../support/wait-for.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "freshet-start-"));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Run {
  output: () => string;
  exit: Promise<number | null>;
  interrupt: () => void;
  /** Living processes that descend from it, whoever their parent is now. */
  processes: () => string[];
}

function run(script: string[], env: NodeJS.ProcessEnv): Run {
  const tag = uniqueName("start");
  const child = spawn(process.execPath, script, { cwd: ROOT, env: { ...env, FRESHET_SPEC: tag } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exit = once(child, "close").then(([code]: (number | null)[]) => code ?? null);
  onTestFinished(async () => {
    child.kill("SIGINT");
    await exit;
  });
  return {
    output: () => output,
    exit,
    interrupt: () => child.kill("SIGINT"),
    processes: () => readdirSync("/proc").filter((pid) => environment(pid).includes(`FRESHET_SPEC=${tag}`)),
  };
}

function environment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

async function freePorts(): Promise<Record<string, string>> {
  const names = [
    "PROFILE_SERVICE_PORT",
    "PROFILE_SERVICE_INTERNAL_PORT",
    "INVALIDATOR_PORT",
    "INVALIDATOR_ADMIN_PORT",
    "KAFKA_PORT",
    "POSTGRES_PORT",
  ];
  const ports: Record<string, string> = {};
  for (const name of names) ports[name] = String(await freePort());
  return {
    ...ports,
    MEMCACHED_PROFILES_PORTS: `${await freePort()},${await freePort()}`,
    MEMCACHED_TEAMS_PORTS: String(await freePort()),
  };
}

async function start(env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const data = join(dir, uniqueName("data"));
  const own = {
    KAFKA_BROKERS: undefined,
    DATABASE_URL: undefined,
    MEMCACHED_PROFILES: undefined,
    MEMCACHED_TEAMS: undefined,
  };
  return run(["scripts/start.mjs"], {
    ...process.env,
    ...own,
    ...(await freePorts()),
    FRESHET_DATA_DIR: data,
    ...env,
  });
}

async function untilEverythingRuns(output: () => string, exit: Promise<number | null>): Promise<void> {
  await Promise.race([
    waitFor(() => output().includes("Ctrl-C stops everything"), {
      timeoutMs: 180_000,
      describe: "the start",
    }),
    exit.then((code) => {
      throw new Error(`npm start ended with ${String(code)}:\n${output()}`);
    }),
  ]);
}

test("a port that is taken is named with the variable that changes it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const { output, exit } = await start({ INVALIDATOR_PORT: port });
  expect(await exit).toBe(1);
  server.close();
  expect(output()).toBe(
    `Port ${port} for the invalidator is taken; choose another one with INVALIDATOR_PORT.\n`,
  );
});

test("--no-install names what is missing, prints the commands, installs nothing and exits 1", async () => {
  const cache = join(dir, "empty-cache");
  const { output, exit } = run(["scripts/start.mjs", "--no-install"], {
    ...(await freePorts()),
    PATH: "/nowhere",
    XDG_CACHE_HOME: cache,
  });
  expect(await exit).toBe(1);
  expect(output()).toContain("Debian packages: memcached, default-jre-headless, maven (about 216 MB)");
  expect(output()).toContain(`Kafka's jars in ${cache}/freshet/kafka-4.4.0, through Maven (about 43 MB)`);
  expect(output()).toMatch(/^ {2}sudo apt-get install .* memcached default-jre-headless maven$/m);
  expect(readdirSync(dir)).not.toContain("empty-cache");
});

test("a server ends with the process that started it, even one that is killed", async () => {
  const script = `
    import { memcachedNode } from "./scripts/local/memcached.mjs";
    await memcachedNode({ port: ${await freePort()}, logDir: "${dir}" }).start();
    console.log("it answers");
    process.kill(process.pid, "SIGKILL");`;
  const { output, exit, processes } = run(["--input-type=module", "--eval", script], process.env);
  expect(await exit).toBeNull();
  expect(output()).toBe("it answers\n");
  await waitFor(() => processes().length === 0, { describe: "the end of the server" });
});

test("Ctrl-C while the servers start leaves no process behind", async () => {
  const { output, exit, interrupt, processes } = await start();
  await waitFor(() => output().includes("memcached node"), { describe: "the first server" });
  interrupt();
  expect(await exit).toBe(130);
  expect(processes()).toEqual([]);
});

test("servers that the environment names are used, and none of ours is started", async () => {
  const { output, exit, interrupt, processes } = await start({
    KAFKA_BROKERS: inject("kafkaBrokers").join(","),
    DATABASE_URL: await freshDatabase(),
    MEMCACHED_PROFILES: inject("memcachedNodes").join(","),
    MEMCACHED_TEAMS: inject("teamsNodes").join(","),
  });
  await untilEverythingRuns(output, exit);
  expect(output()).not.toMatch(/^ {2}(Kafka|PostgreSQL|memcached).* answers on/m);
  expect(output()).toMatch(/^ {2}invalidator answers on/m);
  interrupt();
  expect(await exit).toBe(0);
  expect(processes()).toEqual([]);
}, 240_000);

test("everything answers, the printed commands work, and Ctrl-C leaves no process behind", async () => {
  const auditor = { AUDITOR: "on", AUDITOR_PORT: String(await freePort()) };
  const { output, exit, interrupt, processes } = await start(auditor);
  await Promise.race([
    waitFor(() => output().includes("Ctrl-C stops everything"), {
      timeoutMs: 180_000,
      describe: "the start",
    }),
    exit.then((code) => {
      throw new Error(`npm start ended with ${String(code)}:\n${output()}`);
    }),
  ]);
  const commands = [...output().matchAll(/^ {2}(curl .*)$/gm)].map(([, command = ""]) => command);
  expect(commands).toHaveLength(3);
  const answers = [];
  for (const command of commands) answers.push((await promisify(execFile)("sh", ["-c", command])).stdout);
  expect(answers[0]).toContain('"displayName":"Ada"');
  expect(answers[1]).toMatch(/^x-cache: (MISS|HIT)/im);
  expect(answers[2]).toContain('"displayName":"Ada Lovelace"');
  expect(output()).toContain(`http://127.0.0.1:${auditor.AUDITOR_PORT}/status`);
  const [, internal = "", tokenFile = ""] =
    /internal (\S+) \(INTERNAL_TOKEN_FILE=(\S+)\)/.exec(output()) ?? [];
  const asked = await fetch(`${internal}/internal/views/user_profile`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${readFileSync(tokenFile, "utf8")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ params: [{ profileId: "42" }] }),
  });
  expect(asked.status).toBe(200);
  interrupt();
  expect(await exit).toBe(0);
  expect(processes()).toEqual([]);
}, 240_000);
