// Preloaded into both apps by the benchmark of the latency: when each step of an event was reached, on the wall clock,
// written to BENCH_STEPS when the process ends.
import { subscribe } from "node:diagnostics_channel";
import { writeFileSync } from "node:fs";
import { wallClock } from "../../scripts/local/wall-clock.mjs";

const STEPS = [
  "freshet:write.committed",
  "freshet:outbox.claimed",
  "freshet:kafka.send",
  "freshet:kafka.sent",
].concat("freshet:invalidate.executing", "freshet:invalidate.executed");

const now = wallClock();
/** @type {import("./steps.mjs").Reached[]} */
const reached = [];
for (const step of STEPS)
  subscribe(step, (message) => {
    const { entity, pool } = /** @type {{ entity?: string, pool?: string }} */ (message);
    reached.push({ step, ms: now(), ...(entity && { entity }), ...(pool && { pool }) });
  });
process.on("exit", () => {
  writeFileSync(String(process.env.BENCH_STEPS), JSON.stringify(reached));
});
