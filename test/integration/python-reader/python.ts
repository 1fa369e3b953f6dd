import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const example = fileURLToPath(new URL("../../../examples/python-reader", import.meta.url));
const script = fileURLToPath(new URL("played_reader.py", import.meta.url));

/** What Python needs to import the reader's requirements; or why it can't, and what to install. */
export type Python = { readonly path: string } | { readonly missing: string };

/** Finds Python and pymemcache, which is installed once into the user's cache folder. */
export function findPython(): Python {
  const requirement = readFileSync(join(example, "requirements.txt"), "utf8").trim();
  if (!runs(["--version"])) return { missing: "no python3: apt-get install python3 python3-pip" };
  const cacheHome = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const target = join(cacheHome, "freshet", `python-${requirement.replace("==", "-")}`);
  if (!existsSync(target)) {
    const draft = `${target}.installing-${process.pid}`;
    mkdirSync(draft, { recursive: true });
    if (runs(["-m", "pip", "install", "--quiet", "--no-deps", "--target", draft, requirement]))
      place(draft, target);
    else rmSync(draft, { recursive: true, force: true });
  }
  if (runs(["-c", "import pymemcache"], target)) return { path: target };
  return {
    missing: `python3 has no pymemcache and pip could not install it: apt-get install python3-pymemcache`,
  };
}

/** Two test runs may install at once: whose rename comes second has nothing to do. */
function place(draft: string, target: string): void {
  try {
    renameSync(draft, target);
  } catch {
    rmSync(draft, { recursive: true, force: true });
  }
}

function runs(args: readonly string[], path = ""): boolean {
  const env = { ...process.env, PYTHONPATH: path };
  return spawnSync("python3", args, { env, stdio: "ignore", timeout: 120_000 }).status === 0;
}

const said = z.object({
  ready: z.literal(true).optional(),
  loading: z.literal(true).optional(),
  acknowledged: z.literal(true).optional(),
  value: z.unknown().optional(),
  versions: z.record(z.string(), z.int()).optional(),
  outcome: z.enum(["hit", "stored", "refused", "not cached", "unknown"]).optional(),
  params: z.array(z.string()).optional(),
  owners: z.string().optional(),
});

/** A process with the Python reader; it says one line for each that it is told, and one when it loads. */
export class PythonReader implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #input: NodeJS.WritableStream;

  private constructor(child: ChildProcess, lines: Interface, input: NodeJS.WritableStream) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
    this.#input = input;
  }

  static async start(path: string, node: { host: string; port: number }): Promise<PythonReader> {
    const child = spawn("python3", [script, node.host, String(node.port)], {
      env: { ...process.env, PYTHONPATH: `${path}:${example}`, PYTHONDONTWRITEBYTECODE: "1" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const reader = new PythonReader(child, createInterface(child.stdout), child.stdin);
    await reader.hear();
    return reader;
  }

  /** Tells it what to do; answers what it says then. */
  async tell(step: object): Promise<z.infer<typeof said>> {
    this.#input.write(`${JSON.stringify(step)}\n`);
    return this.hear();
  }

  async hear(): Promise<z.infer<typeof said>> {
    const line: IteratorResult<string, unknown> = await this.#lines.next();
    if (line.done === true) throw new Error("the Python reader has ended");
    return said.parse(JSON.parse(line.value));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
