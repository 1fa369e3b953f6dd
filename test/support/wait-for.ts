import { waitUntil } from "../../scripts/local/wait.mjs";

/**
 * Polls until the condition holds and answers its value; a condition that throws does not hold yet, so that
 * `expect` may stand in it. Rejects with "gave up waiting for <describe>", the last failure as its cause.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  {
    timeoutMs = 10_000,
    intervalMs = 25,
    describe,
  }: { timeoutMs?: number; intervalMs?: number; describe: string },
): Promise<NonNullable<T>> {
  return waitUntil(describe, condition, { timeoutMs, intervalMs });
}
