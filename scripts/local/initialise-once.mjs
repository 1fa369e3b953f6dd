import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Fills a data folder once. A folder whose filling was interrupted looks almost right and fails later, so
 * that a mark is set at the end, and without the mark the folder is emptied and filled again.
 * @param {string} dir
 * @param {() => Promise<void>} fill
 */
export async function initialiseOnce(dir, fill) {
  const mark = join(dir, "freshet-initialised");
  if (existsSync(mark)) return;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  await fill();
  writeFileSync(mark, "");
}
