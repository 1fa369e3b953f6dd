import { FreshetError } from "@freshet/contracts";

/**
 * Settles as `work` does, but at the latest after `timeoutMs`: then `signal` is aborted, and what `work` still does
 * is ignored.
 * @throws FreshetError OUTBOX_PUBLISH_TIMEOUT
 */
export async function within<Answer>(
  timeoutMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new FreshetError("OUTBOX_PUBLISH_TIMEOUT", `${what} took longer than ${timeoutMs} ms`);
      reject(error);
      controller.abort(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
