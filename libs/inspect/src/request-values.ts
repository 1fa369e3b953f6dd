import type { RefreshedValue } from "@freshet/cache";
import { FreshetError } from "@freshet/contracts";
import { z } from "zod";

/** The parameters of one key of a view: `{ profileId: "42" }`. */
export type ViewParams = Readonly<Record<string, string>>;

/** The largest answer that is read, in bytes: the values of one request, 160 KiB each if there are 100. */
const maxAnswerBytes = 16 * 1_024 * 1_024;

const answerSchema = z.object({
  values: z.array(
    z.object({
      vs: z.record(z.string().regex(/^[^:]+:/), z.int().nonnegative()),
      d: z.unknown(),
    }),
  ),
});

/**
 * `POST <url> {"params":[…]}` → `{"values":[{"vs":…,"d":…}]}`, as many and in the same order. What answers is
 * trusted with nothing: it may be slow, huge, redirect elsewhere or lie about its shape.
 * @throws FreshetError REFRESH_FAILED
 */
export async function requestValues(
  to: { readonly url: string; readonly token: string | undefined; readonly timeoutMs: number },
  params: readonly ViewParams[],
): Promise<readonly RefreshedValue[]> {
  const { url, token, timeoutMs } = to;
  const text = await post(url, token, timeoutMs, JSON.stringify({ params }));
  const answer = answerSchema.safeParse(parseJson(url, text));
  if (!answer.success)
    throw failed(`${url} did not answer {"values":[{"vs":…,"d":…}]}: ${z.prettifyError(answer.error)}`);
  const { values } = answer.data;
  if (values.length !== params.length)
    throw failed(`${url} was asked for ${params.length} values and answered ${values.length}`);
  return values.map(({ vs, d }) => ({ versions: vs, data: d ?? null }));
}

async function post(
  url: string,
  token: string | undefined,
  timeoutMs: number,
  body: string,
): Promise<string> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body,
      // The host stands in the environment alone; an answer must not choose another one.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) {
      await response.body?.cancel();
      const why = response.status === 401 ? ": INTERNAL_TOKEN is not the one that it wants" : "";
      throw failed(`${url} answered ${response.status}${why}`);
    }
    return await readBounded(url, response);
  } catch (error) {
    if (error instanceof FreshetError) throw error;
    throw failed(`${url}: ${reasonOf(error)}`, error);
  }
}

async function readBounded(url: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxAnswerBytes) throw failed(`${url} answered more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failed(`${url} did not answer JSON`, error);
  }
}

/** fetch says only "fetch failed"; why stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function failed(message: string, cause?: unknown): FreshetError {
  return new FreshetError("REFRESH_FAILED", message, { cause });
}
