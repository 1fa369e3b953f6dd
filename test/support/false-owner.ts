import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";

/** How the owner of a view answers the bus. */
export type Answering = "truly" | "never" | "too-few" | "an-older-version" | "endlessly";

interface Values {
  values: { vs: Record<string, number>; d: unknown }[];
}

/** Stands between the bus and the service that owns a view, and spoils its answers. */
export class FalseOwner implements AsyncDisposable {
  answering: Answering = "truly";
  readonly #target: string;
  readonly #server: Server;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(
        ({ status, body }) => {
          if (this.answering === "never") return;
          response.writeHead(status, { "content-type": "application/json" });
          response.write(body);
          if (this.answering !== "endlessly") response.end();
          else {
            const more = setInterval(() => response.write("x".repeat(1_048_576)), 1);
            response.on("close", () => {
              clearInterval(more);
            });
          }
        },
        () => response.destroy(),
      );
    });
  }

  /** Starts in front of "host:port". */
  static async start(target: string): Promise<FalseOwner> {
    const owner = new FalseOwner(target);
    owner.#server.listen(0, "127.0.0.1");
    await once(owner.#server, "listening");
    return owner;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const url = `http://${this.#target}${request.url ?? ""}`;
    const { authorization = "" } = request.headers;
    const headers = { "content-type": "application/json", authorization };
    const truth = await fetch(url, { method: "POST", headers, body: Buffer.concat(chunks) });
    const body = await truth.text();
    if (this.answering === "too-few")
      return { status: 200, body: spoil(body, ({ values }) => ({ values: values.slice(1) })) };
    if (this.answering === "an-older-version")
      return { status: 200, body: spoil(body, ({ values }) => ({ values: values.map(older) })) };
    return { status: truth.status, body };
  }
}

function spoil(body: string, how: (answer: Values) => Values): string {
  return JSON.stringify(how(JSON.parse(body) as Values));
}

function older({ vs, d }: Values["values"][number]) {
  return { vs: Object.fromEntries(Object.entries(vs).map(([entity, version]) => [entity, version - 1])), d };
}
