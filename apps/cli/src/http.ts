import { type ErrorCode, FreshetError } from "@freshet/contracts";

/** What an address answered, whatever its status. */
interface Answer {
  readonly httpStatus: number;
  readonly text: string;
  /** Its header Date. */
  readonly date: string | undefined;
  /** When the answer began, in ms since 1970. */
  readonly atMs: number;
}

/**
 * Asks an address.
 * @throws FreshetError of this code, saying what stands behind fetch's "fetch failed"
 */
export async function getText(
  url: string,
  signal: AbortSignal,
  unreachable: ErrorCode = "SERVICE_UNREACHABLE",
): Promise<Answer> {
  return await request(url, { signal, headers: { accept: "application/json, text/plain" } }, unreachable);
}

/**
 * Sends any request.
 * @throws FreshetError as getText does
 */
export async function request(url: string, init: RequestInit, unreachable: ErrorCode): Promise<Answer> {
  try {
    const response = await fetch(url, init);
    const atMs = Date.now();
    return {
      httpStatus: response.status,
      text: await response.text(),
      date: response.headers.get("date") ?? undefined,
      atMs,
    };
  } catch (error) {
    throw new FreshetError(unreachable, `${url}: ${reason(error)}`, { cause: error });
  }
}

/** The text as JSON; undefined where it is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch says only "fetch failed"; why stands in its cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const { cause } = error;
  if (cause instanceof Error)
    return "code" in cause && cause.message === "" ? String(cause.code) : cause.message;
  return error.message;
}
