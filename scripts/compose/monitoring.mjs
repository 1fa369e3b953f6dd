import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { waitUntil } from "../local/wait.mjs";

const DASHBOARD = new URL("../../deploy/grafana/dashboards/freshet.json", import.meta.url);
const dashboard = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })),
});
const rules = z.object({
  data: z.object({ groups: z.array(z.object({ rules: z.array(z.object({ query: z.string() })) })) }),
});
const answer = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

/**
 * Waits until Prometheus scrapes so many replicas of each job, and asks it every query of the dashboard and of the
 * alarms; throws when it refuses one. Answers how many queries there are.
 * @param {string} prometheus its URL
 * @param {Readonly<Record<string, number>>} replicas by job
 * @param {AbortSignal} signal
 */
export async function checkMonitoring(prometheus, replicas, signal) {
  const query = async (/** @type {string} */ text) =>
    answer.parse(await get(`${prometheus}/api/v1/query?query=${encodeURIComponent(text)}`)).data.result;
  await waitUntil(
    "Prometheus to scrape every replica",
    async () => {
      const up = await query("count by (job) (up == 1)");
      assert.deepEqual(
        Object.fromEntries(up.map(({ metric, value: [, count] }) => [metric["job"], Number(count)])),
        replicas,
      );
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 500, signal },
  );
  const queries = [
    ...dashboard
      .parse(JSON.parse(readFileSync(DASHBOARD, "utf8")))
      .panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...rules
      .parse(await get(`${prometheus}/api/v1/rules`))
      .data.groups.flatMap((group) => group.rules.map((rule) => rule.query)),
  ];
  for (const text of queries) await query(text);
  return queries.length;
}

/**
 * @param {string} url
 * @returns {Promise<unknown>}
 */
async function get(url) {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${text}`);
  /** @type {unknown} */
  const value = JSON.parse(text);
  return value;
}
