import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const example = fileURLToPath(new URL("../../../examples/python-reader", import.meta.url));
const script = fileURLToPath(new URL("played_reader.py", import.meta.url));

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
