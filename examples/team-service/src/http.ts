import { createServer, type IncomingMessage, type Server } from "node:http";
import type { ReadResult } from "@freshet/cache";

/** What a route answers; `outcome` becomes X-Cache. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly outcome?: ReadResult<unknown>["outcome"];
}

/** A request: method, path as its segments, query, whether its caller wants the primary, and its JSON. */
export interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly bypass: boolean;
  readonly json: () => Promise<unknown>;
}

const maxBodyBytes = 65_536;

/** A small JSON server; `/health/ready` answers 200 as soon as it listens. */
export async function serve(
  { LISTEN_HOST, PORT }: { LISTEN_HOST: string; PORT: number },
  route: (asked: Asked) => Promise<Answer>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const asked: Asked = {
      method: request.method ?? "GET",
      path: pathname.split("/").slice(1).map(decodeURIComponent),
      query: searchParams,
      // Another service's loader must never read through our cache.
      bypass: request.headers["cache-control"] === "no-cache",
      json: () => readJson(request),
    };
    const answering = pathname === "/health/ready" ? Promise.resolve({ status: 200 }) : route(asked);
    void answering
      .catch((error: unknown): Answer => {
        console.error(error);
        return { status: 500 };
      })
      .then(({ status, body, outcome }: Answer) => {
        if (outcome !== undefined) response.setHeader("x-cache", outcome.toUpperCase());
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body ?? {}));
      });
  });
  await new Promise<void>((resolve) => server.listen(PORT, LISTEN_HOST, resolve));
  return server;
}

/** Asks another service for what its primary has; undefined: 404. */
export async function fromPrimary(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { "cache-control": "no-cache" },
    signal: AbortSignal.timeout(5_000),
  });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.json();
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
