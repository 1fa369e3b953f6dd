import { BatchHistogram } from "./batch-histogram.ts";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

type Name = `freshet_${string}`;

interface Instrument<Label extends string> {
  name: Name;
  help: string;
  labelNames?: readonly Label[];
}

/** One app's metrics. Each app has its own, so that tests can run several apps in one process. */
export interface Metrics {
  readonly registry: Registry;
  counter<Label extends string = never>(instrument: Instrument<Label>): Counter<Label>;
  /** `collect` sets the gauge at each scrape, for what is read off rather than counted. */
  gauge<Label extends string = never>(
    instrument: Instrument<Label> & { collect?: (this: Gauge<Label>) => void },
  ): Gauge<Label>;
  /** `buckets` in the unit that the name ends in. */
  histogram<Label extends string = never>(
    instrument: Instrument<Label> & { buckets: readonly number[] },
  ): Histogram<Label>;
  /** A histogram that takes many values at once, and none alone. */
  batchHistogram<Label extends string = never>(
    instrument: Instrument<Label> & { buckets: readonly number[] },
  ): BatchHistogram<Label>;
}

/** A registry with the process's own metrics; every instrument that is made here is named `freshet_*`. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const shared = { registers: [registry] };
  return {
    registry,
    counter: ({ labelNames = [], ...rest }) => new Counter({ ...rest, ...shared, labelNames }),
    gauge: ({ labelNames = [], ...rest }) => new Gauge({ ...rest, ...shared, labelNames }),
    histogram: ({ labelNames = [], buckets, ...rest }) =>
      new Histogram({ ...rest, ...shared, labelNames, buckets: [...buckets] }),
    batchHistogram: ({ labelNames = [], buckets, ...rest }) =>
      new BatchHistogram({ ...rest, ...shared, labelNames, buckets: [...buckets] }),
  };
}
