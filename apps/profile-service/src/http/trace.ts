import { AsyncLocalStorage } from "node:async_hooks";
import type { FastifyAdapter } from "@nestjs/platform-fastify";

const traceparents = new AsyncLocalStorage<string>();

// W3C Trace Context, version 00; ids of zeros alone mean none.
const valid = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Keeps the `traceparent` of each request for as long as it is worked on; one that is malformed is ignored, as the standard says. */
export function keepTraces(adapter: FastifyAdapter): void {
  adapter.getInstance().addHook("onRequest", (request, _reply, done) => {
    const { traceparent } = request.headers;
    if (typeof traceparent === "string" && valid.test(traceparent)) traceparents.run(traceparent, done);
    else done();
  });
}

/** What the event of a change takes over from the request that is worked on. */
export function traceOfRequest(): { readonly traceparent?: string } {
  const traceparent = traceparents.getStore();
  return traceparent === undefined ? {} : { traceparent };
}
