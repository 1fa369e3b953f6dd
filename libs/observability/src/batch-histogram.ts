import { Histogram, type LabelValues } from "prom-client";

interface Series<Label extends string> {
  readonly labels: LabelValues<Label>;
  /** Of each bucket alone, the one above the last bound included. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram that takes the values of a whole batch at once: prom-client looks its labels up for each value, which
 * is 0.4 µs of every event. Values that are observed one by one are not counted.
 */
export class BatchHistogram<Label extends string> extends Histogram<Label> {
  readonly #name: string;
  readonly #bounds: readonly number[];
  /** prom-client's own without values: its name, help and type. */
  readonly #shape: Histogram<Label>;
  readonly #series = new Map<string, Series<Label>>();

  constructor(configuration: ConstructorParameters<typeof Histogram<Label>>[0] & { buckets: number[] }) {
    super(configuration);
    this.#shape = new Histogram({ ...configuration, registers: [] });
    this.#name = configuration.name;
    this.#bounds = [...configuration.buckets].sort((a, b) => a - b);
  }

  /** Observes each of the values; the labels' order is part of what names a series. */
  observeAll(labels: LabelValues<Label>, values: readonly number[]): void {
    if (values.length === 0) return;
    const name = JSON.stringify(labels);
    let series = this.#series.get(name);
    if (!series) this.#series.set(name, (series = { labels, counts: this.#noCounts(), sum: 0 }));
    const { counts } = series;
    for (const value of values) {
      let bucket = 0;
      while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      series.sum += value;
    }
  }

  override async get() {
    return {
      ...(await this.#shape.get()),
      values: [...this.#series.values()].flatMap((one) => this.#valuesOf(one)),
    };
  }

  /** What prom-client's registry asks for in place of `get`. */
  getForPromString() {
    return this.get();
  }

  #noCounts(): number[] {
    return [...this.#bounds, Infinity].map(() => 0);
  }

  #valuesOf({ labels, counts, sum }: Series<Label>) {
    let count = 0;
    const buckets = counts.map((of, bucket) => {
      count += of;
      const le = this.#bounds[bucket] ?? "+Inf";
      return { metricName: `${this.#name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: sum },
      { metricName: `${this.#name}_count`, labels, value: count },
    ];
  }
}
