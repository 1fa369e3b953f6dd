import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { Memcached } from "./memcached.ts";
import { peek } from "./raw.ts";

const processes = 4;
const readersEach = 50;

// Measured: 1 or 2 loads; the bound is what holds however slowly a process is scheduled.
it("200 readers in 4 processes on a cold key load at most once per process, and all get the row", async () => {
  await using memcached = await Memcached.start();
  const id = randomUUID();
  let loads = 0;
  // The primary answers nobody before every process has asked for the key.
  let everybodyAsked: Promise<unknown> = Promise.resolve();
  const primary = createServer((_, response) => {
    loads++;
    void everybodyAsked.then(() => response.end(JSON.stringify({ id, version: 1, name: "name 1" })));
  }).listen(0, "127.0.0.1");
  await once(primary, "listening");
  const url = `http://127.0.0.1:${(primary.address() as AddressInfo).port}`;
  const children = Array.from({ length: processes }, () => startReader(memcached.node.name, url, id));
  try {
    await Promise.all(children.map((child) => said(child, "ready")));
    loads = 0;
    everybodyAsked = Promise.all(children.map((child) => said(child, "asked")));
    const answers = children.map((child) => said(child, "versions"));
    for (const child of children) child.send("go");
    const versions = (await Promise.all(answers)).flatMap((answer) => answer);
    expect(versions).toEqual(Array.from({ length: processes * readersEach }, () => 1));
    expect(loads).toBeGreaterThanOrEqual(1);
    expect(loads).toBeLessThanOrEqual(processes);
    expect(await peek(memcached.port, `user_profile:${id}`)).toContain(`"profile:${id}":1`);
  } finally {
    await Promise.all(children.map(end));
    primary.closeAllConnections();
    primary.close();
  }
});

function startReader(node: string, primaryUrl: string, id: string): ChildProcess {
  const script = fileURLToPath(new URL("herd-reader.ts", import.meta.url));
  const execArgv = ["--import", "tsx", "--conditions=@freshet/source"];
  return fork(script, [node, primaryUrl, id, String(readersEach)], { execArgv });
}

/** Resolves with what the process says under this name. */
function said(child: ChildProcess, name: string): Promise<unknown> {
  return new Promise((resolve) => {
    child.on("message", (message: Record<string, unknown>) => {
      if (name in message) resolve(message[name]);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
