import { type FastifyAdapter } from "@nestjs/platform-fastify";
import { Problem, problemBody, problemType } from "./problem.ts";

const methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"] as const;
type Method = (typeof methods)[number];

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
    for (const [url, allowed] of [...this.#allowed]) {
      if (url.includes("*")) continue;
      const allow = [...allowed].sort().join(", ");
      const problem = new Problem(405, "Method not allowed", `this path has ${allow}: send one of these`);
      this.#adapter.getInstance().route({
        method: methods.filter((method: Method) => !allowed.has(method)),
        url,
        handler: async (_request, reply) => {
          await reply
            .status(405)
            .header("allow", allow)
            .header("content-type", problemType)
            .send(problemBody(problem));
        },
      });
    }
  }
}
