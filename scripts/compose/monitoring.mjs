import assert from "node:assert/strict";
import { askPrometheus, dashboardQueries, rulesOf } from "../local/prometheus.mjs";
import { waitUntil } from "../local/wait.mjs";

/**
 * Waits until Prometheus scrapes so many replicas of each job, and asks it every query of the dashboard and of the
 * alarms; throws when it refuses one. Answers how many queries there are.
 * @param {string} prometheus its URL
 * @param {Readonly<Record<string, number>>} replicas by job
 * @param {AbortSignal} signal
 */
export async function checkMonitoring(prometheus, replicas, signal) {
  await waitUntil(
    "Prometheus to scrape every replica",
    async () => {
      const up = await askPrometheus(prometheus, "count by (job) (up == 1)");
      assert.deepEqual(
        Object.fromEntries(up.map(({ metric, value: [, count] }) => [metric["job"], Number(count)])),
        replicas,
      );
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 500, signal },
  );
  const queries = [...dashboardQueries(), ...(await rulesOf(prometheus))].map(({ query }) => query);
  for (const query of queries) await askPrometheus(prometheus, query);
  return queries.length;
}
