import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * What stands behind `docker compose` in a command of a document.
 * @param {string} command
 */
export function composeArguments(command) {
  const [docker, compose, ...args] = command.split(" ");
  assert.deepEqual([docker, compose], ["docker", "compose"]);
  return args;
}

/**
 * The commands of a document's first block that says to be run by this file.
 * @param {string} document
 * @param {string} runner
 */
export function commandsOf(document, runner) {
  const text = readFileSync(fileURLToPath(new URL(`../../${document}`, import.meta.url)), "utf8");
  const [, block = ""] = text.split(`<!-- run by ${runner} -->`);
  const [, commands = ""] = /```sh\n(.*?)```/s.exec(block) ?? [];
  return commands.trim().split("\n");
}
