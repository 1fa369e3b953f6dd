// npm run model: explores the protocol in a larger world than the tests do; exits with 1 when a promise breaks.
import { check } from "./model.ts";
import { oursAtLength } from "./ours.ts";
import { describeExploration } from "./report.ts";

for (const { name, protocol, bounds } of oursAtLength) {
  const startedAtMs = performance.now();
  const exploration = check(protocol, bounds);
  console.log(describeExploration(name, bounds, exploration, performance.now() - startedAtMs));
  if (!exploration.violation) continue;
  console.error(`${exploration.violation.promise} breaks:`);
  for (const step of exploration.violation.trace) console.error(`  ${step}`);
  process.exitCode = 1;
}
