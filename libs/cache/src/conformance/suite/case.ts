import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { FreshetError } from "@freshet/contracts";
import type { CreateDriver, MemcachedDriver } from "../../drivers/driver.ts";
import type { Memcached } from "../memcached.ts";

/** What one case plays with. */
interface Stage {
  /** A real one, which other cases use as well. */
  readonly memcached: Memcached;
  /** A driver that ends with the case; of `memcached` unless told. */
  readonly connect: (...to: Parameters<CreateDriver> | []) => MemcachedDriver;
}

/** A promise of every driver, by name, and what breaks when it does not hold. */
export type Case = readonly [name: string, play: (stage: Stage) => Promise<void>];

const waitMs = 60_000;
const run = randomUUID().slice(0, 8);
let keys = 0;

export function uniqueKey(): string {
  return `conformance:${run}:${++keys}`;
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

export async function addOf(driver: MemcachedDriver, key: string) {
  const added = await driver.add(key, bytes("one"), 60);
  if (!added.stored) throw new Error(`${key} was there already`);
  return added.cas;
}

const waitable: ReadonlySet<string> = new Set(["CACHE_CONNECTION", "CACHE_TIMEOUT"]);

/** Repeats a call until the new connection stands. */
export async function untilUp<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof FreshetError && waitable.has(error.code))) throw error;
    }
  }
}

/** Looks until it is so; the bound only cuts off a hang. */
export async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + waitMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not so within ${waitMs} ms: ${String(isSo)}`);
    await delay(20);
  }
}
