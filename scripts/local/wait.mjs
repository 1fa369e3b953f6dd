import { setTimeout as pause } from "node:timers/promises";

/**
 * Polls a condition until it holds and answers its value. A probe that throws has not held yet; its last
 * error is the cause of the Error thrown when the time is up.
 *
 * @template T
 * @param {string} describe what is waited for, as it should read after "gave up waiting for"
 * @param {() => T | Promise<T>} probe anything truthy ends the wait
 * @param {{ timeoutMs: number, intervalMs?: number, signal?: AbortSignal | undefined }} options
 * @returns {Promise<NonNullable<T>>}
 */
export async function waitUntil(describe, probe, { timeoutMs, intervalMs = 25, signal }) {
  const deadline = performance.now() + timeoutMs;
  /** @type {unknown} */
  let cause;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const value = await probe();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`gave up waiting for ${describe} after ${String(timeoutMs)} ms`, { cause });
    }
    await pause(intervalMs, undefined, signal ? { signal } : {});
  }
}
