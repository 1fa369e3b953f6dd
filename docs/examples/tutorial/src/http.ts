import { createServer } from "node:http";

/** Answers JSON on loopback; a route that gives null is a 404. */
export function serve(
  port: number,
  route: (method: string, path: string[], body: string) => Promise<object | null>,
): void {
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const path = (request.url ?? "/").split("/").slice(1).map(decodeURIComponent);
      const answer = await route(request.method ?? "GET", path, Buffer.concat(chunks).toString());
      response.writeHead(answer === null ? 404 : 200).end(`${JSON.stringify(answer)}\n`);
    })().catch((error: unknown) => {
      console.error(error);
      response.writeHead(500).end("it failed; the service's terminal says why\n");
    });
  });
  server.listen(port, "127.0.0.1", () => {
    console.log(`answers on http://127.0.0.1:${port}`);
  });
}
