import type { Figures } from "./message.ts";
import { type Buckets, quantileBetween } from "./percentile.ts";

/** What was read off one pool at one time: lag as it is, everything else counted since the process began. */
export interface Reading {
  readonly atMs: number;
  readonly lagMessages: number;
  readonly lagSeconds: number;
  readonly events: number;
  readonly keys: number;
  /** From the event's time to memcached's acknowledgement, in seconds. */
  readonly gone: Buckets;
}

/** A stretch of `readings`, in order, as one: the worst lag, rates and percentiles from its first to its last. */
export function figuresOf(readings: readonly Reading[]): Figures {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined)
    return {
      lagMessages: 0,
      lagSeconds: 0,
      eventsPerSecond: 0,
      keysPerSecond: 0,
      goneP50Ms: null,
      goneP99Ms: null,
    };
  const seconds = Math.max((last.atMs - first.atMs) / 1_000, 0.001);
  const perSecond = (count: (reading: Reading) => number) =>
    rounded((count(last) - count(first)) / seconds, 100);
  const percentileMs = (quantile: number) => {
    const found = quantileBetween(quantile, first.gone, last.gone);
    return found === undefined ? null : rounded(found * 1_000, 10);
  };
  return {
    lagMessages: Math.max(...readings.map(({ lagMessages }) => lagMessages)),
    lagSeconds: rounded(Math.max(...readings.map(({ lagSeconds }) => lagSeconds)), 100),
    eventsPerSecond: perSecond(({ events }) => events),
    keysPerSecond: perSecond(({ keys }) => keys),
    goneP50Ms: percentileMs(0.5),
    goneP99Ms: percentileMs(0.99),
  };
}

/** Few digits: the page gets an hour of them. */
function rounded(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
