import { readFileSync } from "node:fs";
import { distribution } from "./statistics.mjs";

/** @typedef {{ step: string, ms: number, entity?: string, pool?: string }} Reached */
/** @typedef {{ id: string, committedMs: number, goneMs: number }} Update */

/** What follows the COMMIT, in this order; an event is alone on its way at a low rate, so that order tells whose it is. */
const AFTER_COMMIT = /** @type {const} */ ([
  ["freshet:outbox.claimed", "the relay is awake and has claimed the row"],
  ["freshet:kafka.send", "the message is handed to kafkajs"],
  ["freshet:invalidate.executing", "the invalidator has fetched and planned it"],
  ["freshet:invalidate.executed", "memcached has acknowledged"],
]);

/**
 * How long each step took, in ms, of updates that came one by one.
 * @param {readonly Update[]} updates
 * @param {readonly string[]} files that the processes have written
 * @param {string} pool that the reader looks at
 */
export function stepDelays(updates, files, pool) {
  /** @type {Reached[]} */
  const reached = files.flatMap((file) => JSON.parse(readFileSync(file, "utf8")));
  const timesOf = (/** @type {string} */ step) =>
    reached
      .filter((one) => one.step === step && (one.pool ?? pool) === pool)
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  // Of an entity that was made and then updated the last one is the update.
  const answered = new Map(
    reached
      .filter(({ step }) => step === "freshet:write.committed")
      .map(({ entity, ms }) => [entity ?? "", ms]),
  );
  const times = AFTER_COMMIT.map(([step, what]) => ({ what, times: timesOf(step) }));
  /** @type {Map<string, number[]>} */
  const delays = new Map();
  const add = (/** @type {string} */ what, /** @type {number} */ ms) =>
    delays.set(what, [...(delays.get(what) ?? []), ms]);
  for (const { id, committedMs, goneMs } of updates) {
    let at = answered.get(id) ?? NaN;
    add("PostgreSQL has flushed the commit and answered", at - committedMs);
    for (const { what, times: all } of times) {
      const next = all.find((ms) => ms >= at) ?? NaN;
      add(what, next - at);
      at = next;
    }
    add("the reader that polls has seen it", goneMs - at);
  }
  return [...delays].map(([what, all]) => ({
    what,
    ms: distribution(all.filter((ms) => !Number.isNaN(ms))),
  }));
}
