import type { ServerResponse } from "node:http";

/** How many may watch at once; a page left open in many tabs must not cost the bus anything that counts. */
const maxViewers = 32;
/** What may wait for a slow viewer, in bytes: a minute or two of beats. Then it is dropped, and comes back by itself. */
const maxWaitingBytes = 1_048_576;

const headers = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-accel-buffering": "no", // nginx would hold events back
};

/** One message as server-sent events have it. */
export function liveEvent(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Those who watch the live page. What is sent is written once for all of them. */
export class Viewers {
  readonly #responses = new Set<ServerResponse>();

  get size(): number {
    return this.#responses.size;
  }

  /** Begins to send to a viewer, `hello` first; false when there are too many already. */
  add(response: ServerResponse, hello: () => string): boolean {
    if (this.#responses.size >= maxViewers) return false;
    response.writeHead(200, headers);
    this.#responses.add(response);
    response.on("close", () => this.#responses.delete(response));
    response.on("error", () => this.#responses.delete(response));
    response.write(`retry: 1000\n\n${hello()}`);
    return true;
  }

  send(text: string): void {
    for (const response of this.#responses) {
      response.write(text);
      if (response.writableLength > maxWaitingBytes) response.destroy();
    }
  }

  close(): void {
    for (const response of this.#responses) response.destroy();
    this.#responses.clear();
  }
}
