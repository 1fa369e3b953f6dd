import { type Logger, type Metrics } from "@freshet/observability";
import { type RelayEvent, type RelayState } from "@freshet/outbox";

const states = [
  "idle",
  "standby",
  "broker_down",
  "database_down",
  "stopped",
] as const satisfies readonly RelayState[];

/** What the relay tells, as metrics and log lines; answers the relay's `on` hook. */
export function observeRelay(metrics: Metrics, logger: Logger): (event: RelayEvent) => void {
  const rows = metrics.gauge({
    name: "freshet_outbox_rows",
    help: "Rows that wait in the outbox, exact up to 10,000",
  });
  const age = metrics.gauge({
    name: "freshet_outbox_oldest_age_seconds",
    help: "Age of the oldest row in the outbox",
  });
  const published = metrics.counter({
    name: "freshet_outbox_published_total",
    help: "Rows published and committed",
  });
  const dead = metrics.counter({
    name: "freshet_outbox_dead_total",
    help: "Rows that Kafka refused for their size; alarm on any",
  });
  const state = metrics.gauge({
    name: "freshet_outbox_relay_state",
    help: "1 for the state that the relay is in",
    labelNames: ["state"],
  });
  return (event) => {
    switch (event.type) {
      case "backlog":
        rows.set(event.rows);
        age.set(event.oldestAgeSeconds);
        break;
      case "published":
        published.inc(event.rows);
        break;
      case "dead":
        dead.inc();
        logger.error(
          { event: event.eventId, topic: event.topic, reason: event.reason },
          "a row of the outbox was refused for its size and stands in outbox_dead",
        );
        break;
      case "state":
        for (const name of states) state.set({ state: name }, name === event.state ? 1 : 0);
        logger[event.error === undefined ? "info" : "warn"](
          { state: event.state, err: event.error },
          "outbox relay",
        );
        break;
    }
  };
}
