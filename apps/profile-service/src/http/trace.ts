import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import type { FastifyAdapter } from "@nestjs/platform-fastify";

const traceparents = new AsyncLocalStorage<string>();

// W3C Trace Context, version 00; ids of zeros alone mean none.
const valid = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Works on each request within its trace: the one of its `traceparent`, or a new one where that is missing or malformed. */
export function keepTraces(adapter: FastifyAdapter): void {
  adapter.getInstance().addHook("onRequest", (request, _reply, done) => {
    traceparents.run(takenOrNew(request.headers["traceparent"]), done);
  });
}

/** Pure but for the ids, which are random. Flags 00: nothing here records spans, so that nobody need keep them. */
export function takenOrNew(header: string | string[] | undefined): string {
  if (typeof header === "string" && valid.test(header)) return header;
  return `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`;
}

/** What the event of a change takes over from the request that is worked on. */
export function traceOfRequest(): { readonly traceparent?: string } {
  const traceparent = traceparents.getStore();
  return traceparent === undefined ? {} : { traceparent };
}

/** What each log line takes over from the request that is worked on. */
export function logTrace(): { readonly traceId?: string } {
  const traceId = traceparents.getStore()?.split("-")[1];
  return traceId === undefined ? {} : { traceId };
}
