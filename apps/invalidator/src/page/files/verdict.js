import { counted, duration, written } from "./format.js";

/** @typedef {import("../message.ts").Beat} Beat */
/** @typedef {{ level: "good" | "warn" | "bad", text: string }} Verdict */

/** Beyond this the oldest event has waited too long to call it a moment, in seconds; the alarm waits longer. */
const lateSeconds = 2;

/**
 * What an operator wants to know first, in one sentence per problem; the first rules weigh most.
 * @param {Beat} beat
 * @returns {Verdict}
 */
export function verdictOf({ status, outbox }) {
  /** @type {string[]} */
  const bad = [];
  /** @type {string[]} */
  const warn = [];
  for (const { pool, state, lagSeconds, nodes, gaps, wholeGroup, pausedSince } of status.pools) {
    if (pausedSince)
      bad.push(`Pool ${pool}: an operator has paused it since ${pausedSince}; readers get old values.`);
    if (state === "crashed")
      bad.push(`Pool ${pool}: its consumer has given up; see the log, restart this process.`);
    else if (state !== "running") warn.push(`Pool ${pool}: its consumer is ${state}.`);
    if (wholeGroup?.verdict === "stalled" || wholeGroup?.verdict === "stopped")
      bad.push(
        `Pool ${pool}: partitions of its group are ${wholeGroup.verdict}; readers get old values of theirs.`,
      );
    if (lagSeconds > lateSeconds)
      bad.push(
        `Pool ${pool}: an event has waited ${written(duration(Math.round(lagSeconds)))}; readers get old values that long.`,
      );
    for (const { node, state: nodeState, missed, unreadable } of nodes)
      if (nodeState === "away")
        bad.push(`Pool ${pool}: ${node} is away; readers who still reach it may get old values.`);
      else if (nodeState === "catching-up") warn.push(`Pool ${pool}: ${node} is catching up.`);
      else if (unreadable.length > 0)
        bad.push(
          `Pool ${pool}: ${node} has missed deletions that can't be replayed; flush it or let the TTL pass.`,
        );
      else if (Object.keys(missed).length > 0)
        warn.push(`Pool ${pool}: ${node} has missed deletions and is about to catch up.`);
    const open = gaps.filter(({ flushed }) => !flushed).length;
    if (open > 0)
      bad.push(`Pool ${pool}: ${counted(open, "gap")}; cached values may be old until their TTL passes.`);
  }
  if (outbox.known && outbox.oldestAgeSeconds > 5)
    bad.push(`A committed change has waited ${written(duration(outbox.oldestAgeSeconds))} in the outbox.`);
  if (status.manifests.refused !== null) warn.push("The manifests folder holds a set that was refused.");
  if (bad.length > 0) return { level: "bad", text: [...bad, ...warn].join(" ") };
  if (warn.length > 0) return { level: "warn", text: warn.join(" ") };
  return { level: "good", text: "Every change that reached this replica is invalidated on every node." };
}
