import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** How many more bytes of memcached's answers pass, and what comes after them. */
interface Cut {
  bytes: number;
  readonly then: "silence" | "close" | "reset";
}

/** A TCP proxy before a real memcached, which can lose, cut and close what passes. */
export class Proxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;
  #cut: Cut | undefined;
  #losesRequests = false;
  /** How often a client began to speak after an answer (or at first): the round trips. */
  roundTrips = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      this.#join(client, connect(targetPort, "127.0.0.1"));
    });
  }

  static async before(target: { readonly port: number }): Promise<Proxy> {
    const proxy = new Proxy(target.port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get node(): { name: string; host: string; port: number } {
    const { port } = this.#server.address() as AddressInfo;
    return { name: `127.0.0.1:${port}`, host: "127.0.0.1", port };
  }

  /** From now on only so many bytes of the answers pass, on all connections together. */
  cut(cut: Readonly<Cut>): void {
    this.#cut = { ...cut };
  }

  /** From now on requests arrive nowhere. */
  lose(): void {
    this.#losesRequests = true;
  }

  /** Lets everything pass again. */
  pass(): void {
    this.#cut = undefined;
    this.#losesRequests = false;
  }

  /** Refuses connections, as if the node were away. */
  async away(): Promise<void> {
    this.#port = this.node.port;
    this.closeConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** At the same address as before. */
  async back(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Resolves when the next request has arrived. */
  async request(): Promise<void> {
    await once(this.#server, "request");
  }

  /** Clients that are connected now. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  closeConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeConnections();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket, memcached: Socket): void {
    let clientSpeaks = false;
    client.setNoDelay(true).on("data", (chunk) => {
      if (!clientSpeaks) this.roundTrips++;
      clientSpeaks = true;
      if (!this.#losesRequests) memcached.write(chunk);
      this.#server.emit("request");
    });
    memcached.setNoDelay(true).on("data", (chunk) => {
      clientSpeaks = false;
      const cut = this.#cut;
      client.write(cut ? chunk.subarray(0, cut.bytes) : chunk);
      if (!cut) return;
      cut.bytes = Math.max(0, cut.bytes - chunk.length);
      if (cut.bytes > 0) return;
      if (cut.then === "close") client.end();
      else if (cut.then === "reset") client.resetAndDestroy();
    });
    for (const [socket, other] of [
      [client, memcached],
      [memcached, client],
    ] as const) {
      this.#sockets.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
    }
  }
}
