// Preloaded into an invalidator by the benchmark of the overhead, and by nothing else: nothing is counted, observed or
// logged about a batch that is done. All the rest of the invalidator is the built one.
import { Counter, Gauge, Histogram } from "prom-client";

// The build may not be there when types are checked.
const built = new URL("../../apps/invalidator/dist/operator/report.js", import.meta.url);
/** @type {typeof import("../../apps/invalidator/src/operator/report.ts")} */
const { PoolReport } = await import(built.href);
const nothing = () => undefined;
for (const instrument of [Counter, Gauge, Histogram])
  for (const method of ["inc", "dec", "set", "observe"])
    if (method in instrument.prototype) Object.assign(instrument.prototype, { [method]: nothing });
Object.assign(PoolReport.prototype, { batchDone: nothing });
