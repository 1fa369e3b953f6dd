import { type CacheEvent, type PoolNodeLists, topologiesOf } from "@freshet/cache";
import { type Logger, type Metrics } from "@freshet/observability";

/** What the cache tells, as metrics; answers the cache's `on` hook. Errors are counted, and logged at debug level. */
export function observeCache(metrics: Metrics, logger: Logger): (event: CacheEvent) => void {
  const reads = metrics.counter({
    name: "freshet_cache_reads_total",
    help: "Reads by view and outcome: hit, bypass, or why it was a miss",
    labelNames: ["view", "outcome"],
  });
  const fills = metrics.counter({
    name: "freshet_cache_fills_total",
    help: "What became of loaded values: stored, or why not",
    labelNames: ["view", "outcome"],
  });
  const loads = metrics.histogram({
    name: "freshet_cache_load_seconds",
    help: "Seconds that loading from the primary took",
    labelNames: ["view"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  });
  const errors = metrics.counter({
    name: "freshet_cache_errors_total",
    help: "Calls of memcached that failed, by node and code",
    labelNames: ["node", "code"],
  });
  return (event) => {
    const { view } = event;
    switch (event.type) {
      case "hit":
      case "bypass":
        reads.inc({ view, outcome: event.type });
        break;
      case "miss":
        reads.inc({ view, outcome: event.reason });
        break;
      case "load":
        loads.observe({ view }, event.seconds);
        break;
      case "fill":
        fills.inc({ view, outcome: event.outcome });
        break;
      case "error":
        errors.inc({ node: event.node, code: event.error.code });
        logger.debug(
          { node: event.node, code: event.error.code, view, step: event.step },
          "memcached failed",
        );
        break;
    }
  };
}

/** Tells by which node lists this process reads: another one than the bus deletes by leaves old values behind. */
export function addTopologyGauge(metrics: Metrics, pools: Readonly<Record<string, PoolNodeLists>>): void {
  const gauge = metrics.gauge({
    name: "freshet_topology_info",
    help: "1 for the node list that this process reads and deletes by, and for those that it deletes by besides",
    labelNames: ["pool", "topology", "list"],
  });
  for (const [pool, lists] of Object.entries(pools)) {
    const [current, ...previous] = topologiesOf(lists);
    for (const { hash: topology } of previous)
      if (topology !== current.hash) gauge.set({ pool, topology, list: "previous" }, 1);
    gauge.set({ pool, topology: current.hash, list: "current" }, 1);
  }
}
