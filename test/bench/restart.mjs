import { kafkaAdmin } from "../../scripts/local/kafka-admin.mjs";
import { waitUntil } from "../../scripts/local/wait.mjs";
import { allCommitted } from "./runners.mjs";

/** Of the backlog, when the invalidator is killed. */
const KILLED_AT = 0.3;

/**
 * kill -9 in the midst of a backlog, and a start right after it: how long until the first delete, and until no lag.
 * @param {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @param {{ load: import("./load.mjs").Load, signal: AbortSignal }} options
 */
export async function measureRestart(sandbox, { load, signal }) {
  const deployment = `restart-${process.hrtime.bigint()}`;
  const groupId = `freshet.${deployment}.profiles`;
  const env = { MANIFESTS_DIR: load.manifestsDir, DEPLOYMENT: deployment };
  const committed = async () =>
    await kafkaAdmin(sandbox.brokers, async (admin) => {
      const [group] = await admin.fetchOffsets({ groupId, topics: [load.topic] });
      return (group?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    });
  const first = sandbox.invalidator({ env });
  await first.start(signal);
  await waitUntil("a third of the backlog", async () => (await committed()) >= load.events * KILLED_AT, {
    timeoutMs: 300_000,
    signal,
  });
  await first.kill();
  const left = load.events - (await committed());
  if (left === 0) throw new Error("drained before it was killed: ask for more by --events");
  const began = performance.now();
  const second = sandbox.invalidator({ env });
  const starting = second.start(signal);
  try {
    const firstDelete = await waitUntil(
      "the first delete",
      async () => {
        const response = await fetch(`${sandbox.invalidatorUrl}/metrics`, { signal });
        return /^freshet_keys_invalidated_total\{.*\} [1-9]/m.test(await response.text());
      },
      { timeoutMs: 60_000, intervalMs: 10, signal },
    ).then(() => performance.now() - began);
    await allCommitted(sandbox, load, groupId, signal);
    return { left, firstDeleteMs: firstDelete, noLagMs: performance.now() - began };
  } finally {
    await starting.catch(() => undefined);
    await second.stop();
  }
}
