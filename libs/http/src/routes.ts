import { type FastifyAdapter } from "@nestjs/platform-fastify";
import { type Reply, sendProblem, wrongPart } from "./problem.ts";

/** Which methods each path has; what it does not have is answered 405, where the router would say 404. */
export class Routes {
  readonly #adapter: FastifyAdapter;
  readonly #allowed = new Map<string, Set<string>>();

  /** Listens from now on: before the first route is added. */
  constructor(adapter: FastifyAdapter) {
    this.#adapter = adapter;
    adapter.getInstance().addHook("onRoute", ({ method, url }) => {
      const allowed = this.#allowed.get(url) ?? new Set();
      for (const each of [method].flat()) allowed.add(each);
      this.#allowed.set(url, allowed);
    });
  }

  /** Answers the other methods of every path that there is now; after it no route can be added. */
  refuseOtherMethods(): void {
    const fastify = this.#adapter.getInstance();
    for (const [url, allowed] of [...this.#allowed]) {
      if (url.includes("*")) continue;
      const allow = [...allowed].sort().join(", ");
      const problem = wrongPart(
        405,
        "Method not allowed",
        "method",
        `must be one that this path has: ${allow}`,
      );
      const refuse = (_request: unknown, reply: Reply): void => {
        reply.header("allow", allow);
        sendProblem(reply, problem);
      };
      fastify.route({
        method: fastify.supportedMethods.filter((method) => !allowed.has(method)),
        url,
        // Before the body is looked at: whatever is wrong with that one, the method is to be changed first.
        onRequest: refuse,
        handler: refuse,
      });
    }
  }
}
