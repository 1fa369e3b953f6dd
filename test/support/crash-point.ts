import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { uniqueName } from "./names.ts";
import { ownDir } from "./own-servers.ts";

const preload = fileURLToPath(new URL("crash-at.mjs", import.meta.url));

/** A step of an app at which it dies as by kill -9, once per arming: hand `env` and `nodeArgs` to its start. */
export class CrashPoint {
  readonly env: Record<string, string>;
  readonly nodeArgs = ["--import", preload];
  readonly #file = join(ownDir(), uniqueName("crash"));

  /** `step` is a diagnostics channel, such as "freshet:outbox.claimed". */
  constructor(step: string) {
    this.env = { CRASH_AT: step, CRASH_WHEN: this.#file };
  }

  /** From now on the `nth` passage of the step kills. */
  arm(nth = 1): void {
    writeFileSync(this.#file, String(nth));
  }
}
