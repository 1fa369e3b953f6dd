import { type Metrics } from "@freshet/observability";

/** Every metric of the ingress. Names are public: docs/metrics.md lists them. */
export function ingressMetrics(metrics: Metrics, waiting: () => number) {
  metrics.gauge({
    name: "freshet_ingress_waiting_events",
    help: "Events that Kafka has not acknowledged yet",
    collect() {
      this.set(waiting());
    },
  });
  return {
    events: metrics.counter({
      name: "freshet_ingress_events_total",
      help: "Events that were taken, by what became of them: published or too_large",
      labelNames: ["topic", "result"],
    }),
    requests: metrics.counter({
      name: "freshet_ingress_requests_total",
      help: "Calls of POST /events by their answer: accepted, invalid, unauthorized, forbidden, limited, unavailable or failed",
      labelNames: ["result"],
    }),
    seconds: metrics.histogram({
      name: "freshet_ingress_request_seconds",
      help: "From an accepted request's arrival to its answer in seconds",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
  };
}

export type IngressMetrics = ReturnType<typeof ingressMetrics>;

/** What the status of an answer is counted as. */
export function resultOf(status: number): string {
  if (status < 300) return "accepted";
  const results: Readonly<Record<number, string>> = {
    401: "unauthorized",
    403: "forbidden",
    429: "limited",
    503: "unavailable",
  };
  return results[status] ?? (status < 500 ? "invalid" : "failed");
}
