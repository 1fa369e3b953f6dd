import { FreshetError } from "@freshet/contracts";

/**
 * Settles as `work` does, but at the latest after `timeoutMs`; what `work` does later is ignored.
 * @throws FreshetError OUTBOX_PUBLISH_TIMEOUT
 */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new FreshetError("OUTBOX_PUBLISH_TIMEOUT", `${what} took longer than ${timeoutMs} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
