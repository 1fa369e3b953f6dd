import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/**
 * The system's Chromium; undefined where there is none.
 * @returns {string | undefined}
 */
export function chromiumPath() {
  const dirs = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => dirs.map((dir) => join(dir, name))).find((path) => existsSync(path));
}

/** For chromium.launch of playwright-core: inside containers it runs as root and shared memory is small. */
export const CHROMIUM_ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
