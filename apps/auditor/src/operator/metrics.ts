import type { Metrics } from "@freshet/observability";

/** Every metric of the auditor. Names are public: docs/metrics.md lists them. */
export function auditorMetrics(metrics: Metrics, pending: () => number) {
  metrics.gauge({
    name: "freshet_audit_pending_checks",
    help: "Checks that wait for their time",
    collect() {
      this.set(pending());
    },
  });
  return {
    checks: metrics.counter({
      name: "freshet_audit_checks_total",
      help: "Checks by horizon in seconds and by how they ended: fresh, stale, unconfirmed or unanswered",
      labelNames: ["pool", "view", "horizon", "verdict"],
    }),
    events: metrics.counter({
      name: "freshet_audit_events_total",
      help: "Events by what became of them: audited, not_sampled, unaffected, skipped or undecodable",
      labelNames: ["topic", "result"],
    }),
  };
}
