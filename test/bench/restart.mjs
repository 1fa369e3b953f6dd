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
  const first = sandbox.invalidator({ env });
  // Not awaited: it is ready only when the backlog is done.
  const firstStart = first.start(signal).catch(() => undefined);
  const { done } = await committedAtLeast(sandbox, load, { groupId, share: KILLED_AT, signal });
  await first.kill();
  await firstStart;
  const left = load.events - done;
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

/**
 * How many events are below the group's committed offsets, once they are this share of all.
 * @param {import("../../scripts/local/sandbox.mjs").Sandbox} sandbox
 * @param {import("./load.mjs").Load} load
 * @param {{ groupId: string, share: number, signal: AbortSignal }} options
 */
async function committedAtLeast({ brokers }, { topic, events }, { groupId, share, signal }) {
  return await kafkaAdmin(brokers, (admin) =>
    waitUntil(
      `${share} of the backlog`,
      async () => {
        const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
        const done = (group?.partitions ?? []).reduce(
          (sum, { offset }) => sum + Math.max(0, Number(offset)),
          0,
        );
        return done >= events * share ? { done } : undefined;
      },
      { timeoutMs: 120_000, signal },
    ),
  );
}
