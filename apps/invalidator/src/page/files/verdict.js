import { counted, duration, timeOfDay, written } from "./format.js";

/** @typedef {import("../message.ts").Beat} Beat */
/** @typedef {{ level: "good" | "warn" | "bad", text: string }} Verdict */

/** Beyond this the oldest event has waited too long to call it a moment, in seconds; the alarm waits longer. */
const lateSeconds = 2;
/** So long an old value that the auditor has found is news, as long as its alarm lasts. */
const newsMs = 15 * 60_000;

/**
 * What an operator wants to know first, a line for each problem with the document that says what to do; the first
 * rules weigh most. Pure.
 * @param {Pick<Beat, "atMs" | "status" | "outbox" | "audit">} beat
 * @returns {Verdict}
 */
export function verdictOf({ atMs, status, outbox, audit }) {
  /** @type {string[]} */
  const bad = [];
  /** @type {string[]} */
  const warn = [];
  /**
   * @param {string[]} lines
   * @param {string} text
   * @param {string} [runbook]
   */
  const say = (lines, text, runbook) =>
    lines.push(runbook === undefined ? text : `${text} What to do: docs/runbooks/${runbook}.md`);
  for (const { pool, state, lagSeconds, nodes, gaps, wholeGroup, pausedSince } of status.pools) {
    if (pausedSince)
      say(bad, `Pool ${pool}: an operator has paused it since ${pausedSince}; readers get old values.`);
    if (state === "crashed")
      say(bad, `Pool ${pool}: its consumer has given up; see the log, restart this process.`);
    else if (state !== "running") say(warn, `Pool ${pool}: its consumer is ${state}.`);
    if (wholeGroup?.verdict === "stalled" || wholeGroup?.verdict === "stopped")
      say(
        bad,
        `Pool ${pool}: partitions of its group are ${wholeGroup.verdict}; readers get old values of theirs.`,
        "group-stalled",
      );
    if (lagSeconds > lateSeconds)
      say(
        bad,
        `Pool ${pool}: an event has waited ${written(duration(Math.round(lagSeconds)))}; readers get old values that long.`,
        "invalidation-late",
      );
    for (const { node, state: nodeState, missed, unreadable } of nodes)
      if (nodeState === "away")
        say(
          bad,
          `Pool ${pool}: ${node} is away; readers who still reach it may get old values.`,
          "node-away",
        );
      else if (nodeState === "catching-up") say(warn, `Pool ${pool}: ${node} is catching up.`);
      else if (unreadable.length > 0)
        say(
          bad,
          `Pool ${pool}: ${node} has missed deletions that can't be replayed; flush it or let the TTL pass.`,
          "node-away",
        );
      else if (Object.keys(missed).length > 0)
        say(warn, `Pool ${pool}: ${node} has missed deletions and is about to catch up.`);
    const open = gaps.filter(({ flushed }) => !flushed).length;
    if (open > 0)
      say(
        bad,
        `Pool ${pool}: ${counted(open, "gap")}; cached values may be old until their TTL passes.`,
        "gap",
      );
  }
  if (outbox.known && outbox.oldestAgeSeconds > 5)
    say(
      bad,
      `A committed change has waited ${written(duration(outbox.oldestAgeSeconds))} in the outbox.`,
      "outbox-stuck",
    );
  const [found] = audit.known ? audit.violations : [];
  if (found !== undefined && atMs - Date.parse(found.at) < newsMs)
    say(
      bad,
      `The auditor found an old value of ${found.key} on ${found.node}, at ${timeOfDay(Date.parse(found.at))}.`,
      "stale-values",
    );
  if (status.manifests.refused !== null)
    say(warn, "The manifests folder holds a set that was refused.", "manifests-refused");
  if (bad.length > 0) return { level: "bad", text: [...bad, ...warn].join("\n") };
  if (warn.length > 0) return { level: "warn", text: warn.join("\n") };
  return { level: "good", text: "Every change that reached this replica is invalidated on every node." };
}
