import { AsyncLocalStorage } from "node:async_hooks";
import { FreshetError } from "@freshet/contracts";

const insideLoader = new AsyncLocalStorage<string>();
let running = 0;

/**
 * Runs a loader; while it runs, everything that it calls is inside it. Between loads the storage is off: below
 * Node.js 24 it hooks into every promise of the process, which costs a hit a quarter of its time.
 */
export async function runLoader<Result>(viewName: string, load: () => Promise<Result>): Promise<Result> {
  running++;
  try {
    return await insideLoader.run(viewName, load);
  } finally {
    if (--running === 0) insideLoader.disable();
  }
}

/** Whether a loader, of whichever cache, is what calls. */
export function isInsideLoader(): boolean {
  return insideLoader.getStore() !== undefined;
}

/**
 * A loader reads the primary: another cached view may still hold the old value after this key's invalidation,
 * and it would be cached for good.
 * @throws FreshetError CACHE_NESTED_GET inside a loader, of whichever cache
 */
export function refuseInsideLoader(viewName: string): void {
  const loading = insideLoader.getStore();
  if (loading !== undefined)
    throw new FreshetError("CACHE_NESTED_GET", `${viewName} is read inside the loader of ${loading}`);
}
