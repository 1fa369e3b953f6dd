import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServerProcess } from "../../scripts/local/server-process.mjs";
import { uniqueName } from "./names.ts";
import { ownDir } from "./own-servers.ts";

const preload = fileURLToPath(new URL("crash-at.mjs", import.meta.url));

/** Steps of an app at which it dies as by kill -9, once per arming: hand `env` and `nodeArgs` to its start. */
export class CrashPoint {
  readonly env: Record<string, string>;
  readonly nodeArgs = ["--import", preload];
  readonly #file = join(ownDir(), uniqueName("crash"));
  readonly #first: string;

  /** `steps` are diagnostics channels, such as "freshet:outbox.claimed". */
  constructor(first: string, ...others: readonly string[]) {
    this.env = { CRASH_AT: [first, ...others].join(","), CRASH_WHEN: this.#file };
    this.#first = first;
  }

  /** Whether it has yet to kill. */
  get isArmed(): boolean {
    return existsSync(this.#file);
  }

  /** From now on the `nth` passage of the step kills. */
  arm(nth = 1, step = this.#first): void {
    writeFileSync(this.#file, `${step} ${nth}`);
  }

  /** From now on the `nth` passage of the step hits this process, be it its own or another. */
  armAgainst({ name, pid }: ServerProcess, signal: "SIGKILL" | "SIGSTOP", nth = 1, step = this.#first): void {
    if (pid === undefined) throw new Error(`${name} does not run`);
    writeFileSync(this.#file, `${step} ${nth} ${pid} ${signal}`);
  }

  /** From now on no step kills. */
  disarm(): void {
    rmSync(this.#file, { force: true });
  }
}
