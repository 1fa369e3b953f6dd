import type { Logger } from "./logger.ts";

/** What the end of a process waits for. */
export interface Stoppable {
  /** Ends in order what the process does. */
  readonly stop: () => Promise<void>;
  /** What would be left if it ended now, for the log; undefined: nothing. */
  readonly unfinished: () => object | undefined;
  /** Bound of the stop as a whole. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/**
 * Ends the process when SIGTERM or SIGINT asks for it: with 0 once everything in hand is done, with 1 and a line that
 * names what was left when the stop fails, leaves something, or takes longer than its bound. A second signal ends it
 * at once. Nothing may be lost by what is left: whoever starts next does it.
 */
export function stopOnSignal({ stop, unfinished, timeoutMs, logger }: Stoppable): void {
  const end = (error?: unknown): never => {
    const left = unfinished();
    if (error === undefined && left === undefined) {
      logger.info("stopped");
      process.exit(0);
    }
    logger.error(
      { ...left, error: error instanceof Error ? error.message : error },
      "stopped before everything was done: the rest is done after the next start",
    );
    process.exit(1);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, "stopping");
    setTimeout(() => end(new Error(`the stop took longer than ${timeoutMs} ms`)), timeoutMs);
    stop().then(() => end(), end);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, onSignal);
}

/** Neither a clean stop (0) nor one that left something (1): sysexits' EX_SOFTWARE. */
const failedForGood = 70;

/**
 * Ends the process with 70 once something in it has failed for good, `graceMs` later: whoever probes liveness sees it
 * fail meanwhile, and whoever probes nothing has a process that ended.
 */
export function endOnFailure(
  { stop, timeoutMs, logger }: Stoppable,
  { failed, graceMs }: { readonly failed: Promise<unknown>; readonly graceMs: number },
): void {
  const end = () => process.exit(failedForGood);
  const give = () => {
    logger.fatal({ exitCode: failedForGood }, "something has failed for good: the process ends");
    setTimeout(end, timeoutMs);
    stop().then(end, end);
  };
  void failed.then(() => setTimeout(give, graceMs));
}
