// Set-up file of every project: what a spec file leaves running fails it.
import { readFileSync, readdirSync } from "node:fs";
import { afterAll } from "vitest";
import { endOwnServersWithTheFile } from "./own-servers.ts";
import { waitFor } from "./wait-for.ts";

// After-hooks run last registered first: the helpers' servers are gone before the children are counted.
afterAll(async () => {
  await waitFor(() => childProcesses().length === 0, {
    timeoutMs: 2_000,
    describe: "the end of every process that this file started",
  }).catch((error: unknown) => {
    throw new Error(`leaked processes: ${childProcesses().join(", ")}`, { cause: error });
  });
});
endOwnServersWithTheFile();

/** Living children of this process as "pid command line". */
function childProcesses(): string[] {
  return readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8")
      .split(" ")
      .filter(Boolean)
      .flatMap(describeProcess),
  );
}

function describeProcess(pid: string): string[] {
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    // A zombie has no command line; it has ended.
    return commandLine === "" ? [] : [`${pid} ${commandLine}`];
  } catch {
    return [];
  }
}
