import type { InvalidatorMetrics } from "../operator/metrics.ts";
import type { PoolPipelines } from "../pools.ts";
import type { Reading } from "./figures.ts";
import type { Look } from "./history.ts";

/** Reads every pool's lag, and what the metrics have counted for it since the process began. */
export async function lookAt(
  pools: PoolPipelines,
  { events, keys, commitToGone }: InvalidatorMetrics,
  atMs: number,
): Promise<Look> {
  const [ended, invalidated, gone] = await Promise.all([events.get(), keys.get(), commitToGone.get()]);
  const readings = pools.all.map(({ name, consumer }): [string, Reading] => {
    const partitions = consumer.partitions;
    const buckets = gone.values.filter(
      ({ labels, metricName }) => labels.pool === name && metricName.endsWith("_bucket"),
    );
    return [
      name,
      {
        atMs,
        lagMessages: partitions.reduce((sum, { offsetLag }) => sum + Number(offsetLag), 0),
        lagSeconds: partitions.reduce((most, { timeLagSeconds }) => Math.max(most, timeLagSeconds), 0),
        events: sumOf(ended.values.filter(({ labels }) => labels.pool === name)),
        keys: sumOf(invalidated.values.filter(({ labels }) => labels.pool === name)),
        gone: bucketsOf(buckets.map(({ labels, value }) => [boundOf(labels), value])),
      },
    ];
  });
  return { atMs, pools: new Map(readings) };
}

/** prom-client gives histograms a label of its own: the upper bound. */
function boundOf(labels: Readonly<Record<string, string | number | undefined>>): number {
  const bound = labels["le"];
  return bound === "+Inf" ? Infinity : Number(bound);
}

function sumOf(values: readonly { readonly value: number }[]): number {
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** Adds up the series of a histogram, bound by bound. */
function bucketsOf(series: readonly (readonly [bound: number, count: number])[]): Reading["gone"] {
  const counts = new Map<number, number>();
  for (const [bound, count] of series) counts.set(bound, (counts.get(bound) ?? 0) + count);
  const sorted = [...counts].sort(([one], [other]) => one - other);
  return { bounds: sorted.map(([bound]) => bound), counts: sorted.map(([, count]) => count) };
}
